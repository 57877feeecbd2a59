"""What each flag says, a file for each part of the way; `errors.flag` makes a flag of it."""

from . import (
    dose_report,
    effective_dose,
    organ_dose,
    published,
    reading,
    scanner_profile,
    scene,
    segmentation,
    size,
)

# code: (severity, what was found, what to do). The detail given to `flag` stands between them.
FLAGS = {
    **segmentation.FLAGS,
    **scene.FLAGS,
    **reading.FLAGS,
    **dose_report.FLAGS,
    **scanner_profile.FLAGS,
    **size.FLAGS,
    **organ_dose.FLAGS,
    **published.FLAGS,
    **effective_dose.FLAGS,
}
