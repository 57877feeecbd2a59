"""The tags that name or number the patient and those who cared for him, and words that do not."""

NAMES = (
    *("PatientName", "OtherPatientNames", "PatientBirthName", "PatientMotherBirthName"),
    *("ResponsiblePerson", "ReferringPhysicianName", "RequestingPhysician", "OperatorsName"),
    *("PerformingPhysicianName", "NameOfPhysiciansReadingStudy"),
)
NUMBERS = ("PatientID", "OtherPatientIDs", "AccessionNumber")
DATES = (
    *("PatientBirthDate", "StudyDate", "SeriesDate", "AcquisitionDate", "ContentDate"),
    "AcquisitionDateTime",
)
IDENTIFYING = frozenset((*NAMES, *NUMBERS))
# A name of these words alone is nobody's; the maker of a phantom may bear it too.
NOBODY = frozenset(
    ["PHANTOM", "QA", "QC", "TEST", "ANONYMOUS", "ANONYMIZED", "ANON", "UNKNOWN", "CTDOSESEG"]
)
# Words of PS3.16, annex L, for the body parts of CT, in full and as makers shorten them; kinds of
# images; patient positions of PS3.3, C.7.3.1.1.2.
_CODED = """
ABDOMEN ABDOMENPELVIS ADRENAL ANKLE AORTA ARM BLADDER BODY BONE BRAIN BREAST BRONCHUS CAROTID
CHEST CHESTABDOMEN CHESTABDPELVIS CLAVICLE COCCYX COLON CORONARYARTERY CSPINE ABD PELV EAR ELBOW
EXTREMITY EYE FACE FEMUR FINGER FOOT GALLBLADDER HAND HEAD HEADNECK HEART HIP HUMERUS IAC JAW
KIDNEY KNEE LARYNX LEG LIVER LOWER LSPINE LSSPINE LUNG LUNGS MAXILLA MEDIASTINUM MOUTH NECK
NECKCHEST NECKCHESTABDOMEN NECKCHESTABDPELV ORBIT ORBITS PANCREAS PAROTID PELVIS PROSTATE RECTUM
RIB RIBS SCAPULA SELLA SHOULDER SINUS SINUSES SKULL SPINE SPLEEN SSPINE STERNUM STOMACH TEMPORAL
THIGH THORAX THUMB THYROID TOE TRUNK TSPINE TLSPINE UPPER URETER UTERUS VESSELS WHOLEBODY WHOLE
WRIST ZYGOMA AND OF THE WITH LEFT RIGHT BILATERAL
CT MR PT NM US XA CR DX MG SR SC OT PR KO SEG RTSTRUCT RTPLAN RTDOSE REG
FFS FFP HFS HFP HFDR HFDL FFDR FFDL LFP LFS RFP RFS AFDR AFDL PFDR PFDL
"""
CODED_WORDS = frozenset(_CODED.split())
