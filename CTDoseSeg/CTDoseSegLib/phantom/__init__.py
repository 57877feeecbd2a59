"""An analytic CT with its exact truth and its dose report."""

from .dicom_files import write_dicom
from .phantom import Phantom

__all__ = ["Phantom", "write_dicom"]
