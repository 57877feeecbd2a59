from dataclasses import dataclass
import numpy as np

A = (0, 1, 5, 10, 15, 20)
H = {"male": (510, 760, 1090, 1380, 1670, 1760), "female": (510, 760, 1090, 1380, 1610, 1630)}
W = {"male": (3.5, 10, 19, 32, 56, 73), "female": (3.5, 10, 19, 32, 53, 60)}


@dataclass(frozen=True, kw_only=True)
class Person:
    age_y: float
    sex: str
    height_mm: float
    weight_kg: float

    @classmethod
    def of(cls, age_y, sex, height_cm=None, weight_kg=None, bmi=None):
        h = float(np.interp(age_y, A, H[sex])) if height_cm is None else height_cm * 10
        w = (
            weight_kg
            if weight_kg
            else (bmi * (h / 1000) ** 2 if bmi else float(np.interp(age_y, A, W[sex])))
        )
        return cls(age_y=age_y, sex=sex, height_mm=h, weight_kg=w)
