"""The closed vocabularies that facts, findings and programmes are written in."""

from __future__ import annotations

from enum import Enum


class Term(str, Enum):
    """A word of a closed vocabulary; its value is the word that files and the database hold."""

    def __str__(self) -> str:
        return str(self.value)


class Potential(Term):
    """Whether the programme treats the patient as one who can become pregnant."""

    YES = "yes"
    NO = "no"
    UNDETERMINED = "undetermined"


class PotentialReason(Term):
    """Why a patient can or cannot become pregnant."""

    ANATOMY = "anatomy"
    ASSIGNED_MALE = "assigned-male"
    HYSTERECTOMY = "hysterectomy"
    BILATERAL_OOPHORECTOMY = "bilateral-oophorectomy"
    POSTMENOPAUSAL = "postmenopausal"
    TUBAL_STERILISATION = "tubal-sterilisation"
    NOT_YET_MENSTRUATING = "not-yet-menstruating"
    GENDER_TRANSITION = "gender-transition"
    OTHER = "other"


class Cycle(Term):
    """The menstrual cycle, which decides whether a test must fall on certain days of it."""

    REGULAR = "regular"
    IRREGULAR = "irregular"
    AMENORRHOEA = "amenorrhoea"
    NO_WITHDRAWAL_BLEED = "no-withdrawal-bleed"
    UNKNOWN = "unknown"


class Sex(Term):
    """Sex at birth: picks reference ranges only, never the path through a programme."""

    FEMALE = "female"
    MALE = "male"


class VisitMode(Term):
    """How an appointment was held."""

    IN_PERSON = "in-person"
    REMOTE = "remote"


class Topic(Term):
    """What was asked at a visit."""

    MENTAL_HEALTH = "mental-health"
    SEXUAL_FUNCTION = "sexual-function"
    FAMILY_MENTAL_HEALTH = "family-mental-health-history"


class Form(Term):
    """A form that is signed."""

    ENROLMENT = "enrolment"
    ACKNOWLEDGEMENT_OF_RISK = "acknowledgement-of-risk"
    CONSENT_PART_1 = "consent-part-1"
    CONSENT_PART_2 = "consent-part-2"


class Signer(Term):
    """Who signs a form."""

    PATIENT = "patient"
    GUARDIAN = "guardian"
    PRESCRIBER = "prescriber"
    SECOND_PRESCRIBER = "second-prescriber"


class TestResult(Term):
    """The result of a pregnancy test; an unclear line is indeterminate, never negative."""

    __test__ = False

    NEGATIVE = "negative"
    POSITIVE = "positive"
    INDETERMINATE = "indeterminate"


class Specimen(Term):
    """What was tested."""

    URINE = "urine"
    SERUM = "serum"


class TestSetting(Term):
    """Where a pregnancy test was done."""

    __test__ = False

    MEDICAL = "medical"
    LABORATORY = "laboratory"
    HOME = "home"


class Supervision(Term):
    """Who watched a pregnancy test."""

    IN_PERSON = "in-person"
    VIDEO = "video"
    PHOTO = "photo"
    NONE = "none"


class Method(Term):
    """A contraceptive method; abstinence is a commitment that stands beside them."""

    COMBINED_PILL = "combined-pill"
    PATCH = "patch"
    RING = "ring"
    INJECTION = "injection"
    IMPLANT = "implant"
    IUS = "ius"
    COPPER_IUD = "copper-iud"
    TUBAL_STERILISATION = "tubal-sterilisation"
    PARTNER_VASECTOMY = "partner-vasectomy"
    MALE_CONDOM = "male-condom"
    DIAPHRAGM = "diaphragm"
    CERVICAL_CAP = "cervical-cap"
    SPONGE = "sponge"
    MINIPILL = "minipill"
    FEMALE_CONDOM = "female-condom"
    SPERMICIDE = "spermicide"
    WITHDRAWAL = "withdrawal"
    FERTILITY_AWARENESS = "fertility-awareness"
    ABSTINENCE = "abstinence"
    NONE = "none"


class ExemptionReason(Term):
    """Why no pregnancy risk is expected although the patient can become pregnant."""

    NO_PARTNER = "no-partner-who-can-cause-pregnancy"
    ESTABLISHED_ABSTINENCE = "established-abstinence"


class Side(Term):
    """Which of the two sides stated the month's methods."""

    PATIENT = "patient"
    PRESCRIBER = "prescriber"


class Profession(Term):
    """Who prescribes, where a programme limits it."""

    DERMATOLOGIST = "dermatologist"
    GP = "gp"
    OTHER = "other"


class Analyte(Term):
    """What a laboratory measured."""

    TG = "TG"
    TC = "TC"
    LDL = "LDL"
    HDL = "HDL"
    ALT = "ALT"
    AST = "AST"
    ALP = "ALP"
    GGT = "GGT"
    BILI = "BILI"
    CK = "CK"
    HCG = "HCG"
    GLUC = "GLUC"
    CREAT = "CREAT"


class ResultStatus(Term):
    """The state of a laboratory result (FHIR ObservationStatus)."""

    PRELIMINARY = "preliminary"
    FINAL = "final"
    CORRECTED = "corrected"
    ENTERED_IN_ERROR = "entered-in-error"


class LabSchedule(Term):
    """The clinic's plan of laboratory tests."""

    LABEL = "label"
    PEAK_DOSE = "peak-dose"
    NONE = "none"


class Act(Term):
    """What is asked leave for; to monitor asks no leave."""

    PRESCRIBE = "prescribe"
    DISPENSE = "dispense"
    DONATE_BLOOD = "donate-blood"
    MONITOR = "monitor"


class Requirement(Term):
    """One thing that a programme demands; a programme uses those that it has."""

    ENROLMENT = "enrolment"
    PREGNANCY_POTENTIAL = "pregnancy-potential"
    ACKNOWLEDGEMENT = "acknowledgement"
    SECOND_PRESCRIBER = "second-prescriber"
    IN_PERSON_START = "in-person-start"
    SCREENING_TEST = "screening-test"
    TEST_BEFORE_START = "test-before-start"
    MONTHLY_TEST = "monthly-test"
    NOT_PREGNANT = "not-pregnant"
    TEST_SETTING = "test-setting"
    TEST_SENSITIVITY = "test-sensitivity"
    CONTRACEPTION_METHODS = "contraception-methods"
    CONTRACEPTION_LEAD_IN = "contraception-lead-in"
    METHOD_MATCH = "method-match"
    COMPREHENSION = "comprehension"
    COUNSELLING = "counselling"
    PRESCRIPTION_WINDOW = "prescription-window"
    FIRST_WINDOW_LOCKOUT = "first-window-lockout"
    DAYS_SUPPLY = "days-supply"
    PRESCRIBER_SCOPE = "prescriber-scope"
    REVIEW = "review"
    INTERACTION = "interaction"
    BASELINE_LABS = "baseline-labs"
    LAB_FOLLOW_UP = "lab-follow-up"
    LAB_LIMITS = "lab-limits"
    COURSE_GAP = "course-gap"
    FINAL_TEST = "final-test"
    CONTRACEPTION_TAIL = "contraception-tail"
    BLOOD_DONATION = "blood-donation"


class Outcome(Term):
    """What a rule found; UNKNOWN is never treated as met."""

    UNMET = "unmet"
    UNKNOWN = "unknown"
    DUE = "due"
    MET = "met"
    NOT_REQUIRED = "not-required"


class Binding(Term):
    """The authority's verb: MUST blocks, SHOULD warns."""

    MUST = "must"
    SHOULD = "should"


class Verdict(Term):
    """The answer to a question; HOLD means that a named person must decide."""

    YES = "yes"
    NO = "no"
    HOLD = "hold"


class Phase(Term):
    """Where a course stands: before the first dose, on treatment, in follow-up."""

    BEFORE = "before"
    DURING = "during"
    AFTER = "after"


class ProtocolKind(Term):
    """Which stop protocol is open: for a positive test or a pregnancy, or for an unclear test."""

    STOP = "stop"
    UNCLEAR = "unclear"


class Step(Term):
    """A step of a stop protocol."""

    STOP = "stop"
    CONTACT = "contact"
    CONFIRM = "confirm"
    REPORT = "report"
    REFER = "refer"
    HOLD = "hold"
    REPEAT = "repeat"


class Owner(Term):
    """Who sees to a step; a prescriber may take over any."""

    PRESCRIBER = "prescriber"
    NURSE = "nurse"
