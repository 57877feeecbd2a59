_AM=dict(brain=1517,eyes=15.5,eye_lenses=.456,salivary_glands=88,thyroid_gland=23.4,thymus=25.9,breast_glandular=10.4,breast_adipose=15.5,lungs=1199,heart_myocardium=386,heart_blood=510,esophagus=51.8,liver=2360,gallbladder_wall=10.4,gallbladder_contents=58,spleen=228,pancreas=174,kidneys=422,adrenal_glands=17.4,stomach_wall=194,stomach_contents=250,small_bowel_wall=863,small_bowel_contents=350,colon_wall=493,colon_contents=300,urinary_bladder_wall=51,urinary_bladder_contents=200,prostate=17.6,testes=37.2,spinal_cord=36,skin=3469,muscle=29777,bone_cortical=4443,bone_spongiosa=5281,cartilage=1100,adipose=18200,large_vessel_blood=1344)
def organ_masses_g(person, rng=None):
    k={0:.07,1:.17,5:.31,10:.45,15:.75}.get(int(person.age_y),1.0)
    return {n:v*k for n,v in _AM.items()}
