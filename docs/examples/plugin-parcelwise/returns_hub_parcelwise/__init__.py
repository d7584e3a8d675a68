"""ParcelWise, a made-up vendor, for returns-hub."""

from returns_hub_parcelwise.adapter import ParcelWise

__all__ = ["ParcelWise"]
