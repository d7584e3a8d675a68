"""ParcelWise's words, and what each asserts here."""

from returns_hub import Attention, Facts, ResolutionKind, ResolutionStatus, Status, StatusTable

STATUSES = StatusTable(
    name="parcelwise return",
    source="ParcelWise, enum ReturnState",
    rows={
        "DRAFT": Facts(status=Status.DRAFT),
        "AWAITING_REVIEW": Facts(status=Status.REQUESTED, attention={Attention.WAITING_MERCHANT}),
        "ACCEPTED": Facts(status=Status.APPROVED),
        "PARCEL_MOVING": Facts(status=Status.IN_TRANSIT),
        "PARCEL_HERE": Facts(status=Status.RECEIVED),
        "PAID_BACK": Facts(
            status=Status.RESOLVED, resolution=ResolutionKind.REFUND, resolution_status=ResolutionStatus.DONE
        ),
        "TURNED_DOWN": Facts(status=Status.REJECTED),
        "WITHDRAWN": Facts(status=Status.CANCELLED, why="by the customer; ParcelWise refuses any change afterwards"),
    },
)
