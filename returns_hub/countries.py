"""Countries by ISO 3166-1: the model has alpha-2 (``DE``), some vendors have alpha-3 (``deu``)."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

# ISO 3166-1, all 249 of them.
_PAIRS: Final = """
    AD and AE are AF afg AG atg AI aia AL alb AM arm AO ago AQ ata AR arg AS asm AT aut AU aus
    AW abw AX ala AZ aze BA bih BB brb BD bgd BE bel BF bfa BG bgr BH bhr BI bdi BJ ben BL blm
    BM bmu BN brn BO bol BQ bes BR bra BS bhs BT btn BV bvt BW bwa BY blr BZ blz CA can CC cck
    CD cod CF caf CG cog CH che CI civ CK cok CL chl CM cmr CN chn CO col CR cri CU cub CV cpv
    CW cuw CX cxr CY cyp CZ cze DE deu DJ dji DK dnk DM dma DO dom DZ dza EC ecu EE est EG egy
    EH esh ER eri ES esp ET eth FI fin FJ fji FK flk FM fsm FO fro FR fra GA gab GB gbr GD grd
    GE geo GF guf GG ggy GH gha GI gib GL grl GM gmb GN gin GP glp GQ gnq GR grc GS sgs GT gtm
    GU gum GW gnb GY guy HK hkg HM hmd HN hnd HR hrv HT hti HU hun ID idn IE irl IL isr IM imn
    IN ind IO iot IQ irq IR irn IS isl IT ita JE jey JM jam JO jor JP jpn KE ken KG kgz KH khm
    KI kir KM com KN kna KP prk KR kor KW kwt KY cym KZ kaz LA lao LB lbn LC lca LI lie LK lka
    LR lbr LS lso LT ltu LU lux LV lva LY lby MA mar MC mco MD mda ME mne MF maf MG mdg MH mhl
    MK mkd ML mli MM mmr MN mng MO mac MP mnp MQ mtq MR mrt MS msr MT mlt MU mus MV mdv MW mwi
    MX mex MY mys MZ moz NA nam NC ncl NE ner NF nfk NG nga NI nic NL nld NO nor NP npl NR nru
    NU niu NZ nzl OM omn PA pan PE per PF pyf PG png PH phl PK pak PL pol PM spm PN pcn PR pri
    PS pse PT prt PW plw PY pry QA qat RE reu RO rou RS srb RU rus RW rwa SA sau SB slb SC syc
    SD sdn SE swe SG sgp SH shn SI svn SJ sjm SK svk SL sle SM smr SN sen SO som SR sur SS ssd
    ST stp SV slv SX sxm SY syr SZ swz TC tca TD tcd TF atf TG tgo TH tha TJ tjk TK tkl TL tls
    TM tkm TN tun TO ton TR tur TT tto TV tuv TW twn TZ tza UA ukr UG uga UM umi US usa UY ury
    UZ uzb VA vat VC vct VE ven VG vgb VI vir VN vnm VU vut WF wlf WS wsm YE yem YT myt ZA zaf
    ZM zmb ZW zwe
"""

_CODES: Final = _PAIRS.split()
_ALPHA3: Final[Mapping[str, str]] = MappingProxyType(dict(zip(_CODES[::2], _CODES[1::2], strict=True)))
_ALPHA2: Final[Mapping[str, str]] = MappingProxyType({alpha3: alpha2 for alpha2, alpha3 in _ALPHA3.items()})


def alpha3(country: str) -> str | None:
    """The alpha-3 code of a country in lower case, for its alpha-2 or alpha-3 code in any case; None if there is no such."""
    if not country.isascii():
        return None
    return _ALPHA3.get(country.upper()) or (country.lower() if country.lower() in _ALPHA2 else None)


def alpha2(code: str) -> str | None:
    """The alpha-2 code of a country in capitals, for its alpha-2 or alpha-3 code in any case; None if there is no such."""
    if not code.isascii():
        return None
    return _ALPHA2.get(code.lower()) or (code.upper() if code.upper() in _ALPHA3 else None)
