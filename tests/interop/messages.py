"""Plain functions that write HL7 v2 messages, with defaults for what a test does not care about."""

from __future__ import annotations

TG = "2571-8^Triglyceride^LN"
ALT = "1742-6^ALT^LN"
URINE_HCG = "2106-3^Choriogonadotropin [Presence] in Urine^LN"
SERUM_HCG = "2118-8^HCG Ser Ql^LN"
HCG = "19080-1^Choriogonadotropin [Units/volume] in Serum^LN"
STATUS = "82810-3^Pregnancy status^LN"


def obx(
    code: str = TG,
    value: str = "120",
    unit: str = "mg/dL",
    *,
    kind: str = "NM",
    status: str = "F",
    span: str = "",
    flag: str = "",
    at: str = "20260401083000-0400",
    question: str = "",
) -> str:
    """One OBX segment."""
    fields = ["OBX", "1", kind, code, "", value, unit, span, flag, "", "", status, "", "", at]
    return "|".join(fields + [""] * 14 + [question])


def oru(
    *segments: str,
    numbers: str = "T-1^^^RIVERSIDE^MR",
    name: str = "Okafor^Amara",
    born: str = "19980402",
    kind: str = "ORU^R01^ORU_R01",
    processing: str = "P",
    control: str = "1",
    sent: str = "20260402090000-0400",
    charset: str = "",
    order: str = "FIL-1",
    end: str = "\r",
) -> bytes:
    """One message; segments that are not given an order get one."""
    origin = "MSH|^~\\&|LIS|CITYLAB|EHR|CLINIC"
    header = f"{origin}|{sent}||{kind}|{control}|{processing}|2.5.1||||||{charset}"
    lines = [header, f"PID|1||{numbers}||{name}||{born}|F||2106-3^White^HL70005"]
    if not any(line.startswith("OBR") for line in segments):
        lines.append(f"OBR|1|PL-1|{order}|24331-1^Lipid panel^LN|||20260401080000-0400")
    return (end.join((*lines, *segments)) + end).encode(
        {"8859/1": "iso8859_1"}.get(charset, "utf-8")
    )
