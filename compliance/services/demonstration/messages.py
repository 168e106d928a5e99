"""Made-up laboratory messages: some can be filed, some wait for a person."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from compliance.models import Clinic, Patient
from compliance.rules.dates import plus, zone

LABORATORY = "TIDEWATER REFERENCE LAB"


@dataclass(frozen=True, slots=True)
class LabFile:
    """A file as a laboratory would send it to a clinic."""

    clinic: Clinic
    name: str
    content: bytes


@dataclass(frozen=True, slots=True)
class _Line:
    """One result to send, as the fields of an OBX segment say it."""

    code: str
    text: str
    type: str
    value: str
    unit: str = ""
    span: str = ""
    flag: str = ""
    status: str = "F"


def _tg(value: str, unit: str = "mg/dL", flag: str = "", status: str = "F") -> _Line:
    return _Line("2571-8", "Triglycerides", "NM", value, unit, "<150", flag, status)


def _alt(value: str) -> _Line:
    return _Line("1742-6", "Alanine aminotransferase", "NM", value, "U/L", "7-50")


def _serum(value: str) -> _Line:
    return _Line(
        "2118-8", "hCG, serum, qualitative", "ST", value, flag="" if value[:1] == "N" else "A"
    )


class _File:
    """Messages of one file, written in the order in which they are added."""

    def __init__(self, clinic: Clinic, now: dt.datetime) -> None:
        self._clinic = clinic
        day = plus(now.astimezone(zone(clinic.time_zone)).date(), -1)
        self._day = f"{day:%Y%m%d}"
        self._messages: list[str] = []

    def add(self, patient: Patient, *lines: _Line, mrn: str = "", born: str = "") -> None:
        """One message about a patient, under another number or birth date if one is given."""
        number, sent = len(self._messages) + 1, f"{self._day}1810"
        born = born or f"{patient.birth_date:%Y%m%d}"
        order = f"TW{self._day}{number:03d}"
        segments = [
            f"MSH|^~\\&|LIS|{LABORATORY}|CLINIC|{self._clinic.name}|{sent}||ORU^R01^ORU_R01|"
            f"{order}|P|2.5.1|||||||UNICODE UTF-8",
            f"PID|1||{mrn or patient.mrn}^^^{self._clinic.code}^MR||"
            f"{patient.family_name}^{patient.given_name}||{born}|{_sex(patient)}",
            f"OBR|1|{order}|{order}|24331-1^Lipid and liver panel^LN|||{self._day}0915",
        ]
        for position, line in enumerate(lines, 1):
            segments.append(
                f"OBX|{position}|{line.type}|{line.code}^{line.text}^LN||{line.value}|{line.unit}|"
                f"{line.span}|{line.flag}|||{line.status}|||{self._day}0915"
            )
        self._messages.append("\r".join(segments) + "\r")

    def made(self, name: str) -> LabFile:
        """The file."""
        content = "".join(self._messages).encode()
        return LabFile(self._clinic, f"{name}-{self._day}.hl7", content)


def _sex(patient: Patient) -> str:
    return {"female": "F", "male": "M"}.get(str(patient.sex_at_birth), "U")


def lab_files(patients: Sequence[tuple[Patient, str]], now: dt.datetime) -> list[LabFile]:
    """Two files, of results collected yesterday; `patients` come with their situations' names."""
    by_clinic: dict[int, list[Patient]] = {}
    for patient, situation in patients:
        if situation == "on_track":
            by_clinic.setdefault(patient.clinic_id, []).append(patient)
    first, second, *_ = by_clinic.values()
    return [_eastern(first, now), _western(second, now)]


def _eastern(patients: Sequence[Patient], now: dt.datetime) -> LabFile:
    file = _File(patients[0].clinic, now)
    tested, *others = patients
    file.add(tested, _serum("Negative"))
    file.add(others[-1], _tg("128"), _alt("24"))
    file.add(others[-2], _tg("187", flag="H"), _alt("31"))
    file.add(others[-3], _tg("141", unit=""), _alt("22"))
    file.add(others[-4], _tg("1240", flag="HH"))
    file.add(others[-5], _tg("96"), mrn="HR-99999")
    return file.made("tidewater")


def _western(patients: Sequence[Patient], now: dt.datetime) -> LabFile:
    file = _File(patients[0].clinic, now)
    tested, *others = patients
    file.add(tested, _serum("Negative (weak positive on repeat)"))
    file.add(others[-1], _tg("133"), _alt("19"))
    file.add(others[-2], _tg("118", status="P"))
    file.add(others[-3], _alt("27"), born="19010101")
    return file.made("tidewater")
