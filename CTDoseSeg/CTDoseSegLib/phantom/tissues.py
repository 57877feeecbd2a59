from dataclasses import dataclass
T={"skin":(1.09,12),"adipose":(0.95,-104),"muscle":(1.05,52),"air":(0.0012,-1000)}
@dataclass(frozen=True)
class Tissue:
    name: str; density_g_ml: float; base: float
    def hu(self,kvp,iodine_mg_ml=0.0,density_g_ml=None):
        d=self.density_g_ml if density_g_ml is None else density_g_ml
        return (self.base+1000)*d/self.density_g_ml-1000+25*iodine_mg_ml
def tissue(name,age=30):
    d,h=T.get(name,(1.05,50)); return Tissue(name,d,h)
