"""What a CTDI measurement would read: a beam's CTDI per 100 mAs by the output of its tube."""

from __future__ import annotations

from dataclasses import dataclass

from .beams import REFERENCE_KV, BeamModel
from .ctdi import CENTRE_WEIGHT, ctdi_in_air_per_history, ctdi_of
from .spectra import air_kerma_uGy, filtration_of, spectrum


@dataclass(frozen=True)
class CTDIOutput:
    """CTDI100 in mGy per 100 mAs.

    Attributes
    ----------
    centre, periphery
        In a phantom.
    in_air
        At the isocentre without a phantom.
    """

    centre: float
    periphery: float
    in_air: float

    @property
    def weighted(self) -> float:
        """CTDIw: 1/3 centre + 2/3 periphery."""
        return CENTRE_WEIGHT * self.centre + (1.0 - CENTRE_WEIGHT) * self.periphery


def ctdi_per_100mAs(model: BeamModel, voltage_kV: float, phantom_cm: int) -> CTDIOutput:
    """Return the CTDI of a beam in a phantom and in air.

    The kerma at the isocentre is that of a new tungsten anode behind the beam's filtration, by the
    inverse square of the distance. Real tubes differ by some 20 % from it: penumbra, rough anodes,
    generators. Ratios of what is returned do not.

    Parameters
    ----------
    model
        Of the scanner.
    voltage_kV
        60 to 150.
    phantom_cm
        16 or 32.

    Examples
    --------
    >>> from CTDoseSegLib.dosimetry.montecarlo.beams import model_of
    >>> body = ctdi_per_100mAs(model_of("generic body"), 120, 32)
    >>> body.centre < body.weighted < body.periphery < body.in_air
    True
    """
    beam = model.beam(voltage_kV)
    kerma_uGy = air_kerma_uGy(*spectrum(voltage_kV, filtration_of(REFERENCE_KV, model.hvl_mm)))
    # Per mAs at 1 m in uGy; 100 mAs and mGy make a tenth.
    in_air = kerma_uGy / 10.0 * (1000.0 / model.focus_isocentre_mm) ** 2
    scale = in_air / ctdi_in_air_per_history(beam)
    ctdi = ctdi_of(beam, phantom_cm)
    return CTDIOutput(scale * ctdi.centre, scale * ctdi.periphery, in_air)
