"""Words as the linker compares them: function words left out, inflection and derivation taken off, synonyms as one.

Three readings of a word, each coarser than the one before: the folded word itself, its stem (`stem`), and its units (`units`):
stems with synonyms as one, "-pathy" and "-toxicity" taken apart. The lists are written for this project, from the ordinary
morphology of English medical terms; they are about words, never about whole terms or codes.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

_FUNCTION = "a an the of in on at to for from by with and or due as"
FUNCTION_WORDS = frozenset(_FUNCTION.split())
GENERIC = "disease"  # the unit of words that only say: something is wrong

_NUMERALS = {
    "i": "1", "ii": "2", "iii": "3", "iv": "4", "v": "5", "vi": "6", "vii": "7", "viii": "8", "ix": "9", "x": "10",
    "one": "1", "two": "2", "three": "3", "four": "4", "five": "5", "first": "1", "second": "2", "third": "3",
    "fourth": "4", "fifth": "5", "sixth": "6", "seventh": "7", "eighth": "8", "ninth": "9",
}  # fmt: skip
_SPELLINGS = (  # British, then American; inside a word
    ("aemi", "emi"), ("haem", "hem"), ("oedem", "edem"), ("oesoph", "esoph"), ("oestr", "estr"), ("anaes", "anes"),
    ("paed", "ped"), ("tumour", "tumor"), ("coeli", "celi"), ("rrhoe", "rrhe"), ("faec", "fec"), ("colour", "color"),
    ("gynaec", "gynec"), ("orthopaed", "orthoped"), ("leucaem", "leukem"), ("leuco", "leuko"), ("dyspnoe", "dyspne"),
    ("apnoe", "apne"), ("foet", "fet"), ("caec", "cec"), ("isation", "ization"), ("behaviour", "behavior"),
    ("fibre", "fiber"), ("litre", "liter"), ("sulph", "sulf"), ("naevus", "nevus"), ("paraes", "pares"), ("caes", "ces"),
)  # fmt: skip

# Words of one meaning whose forms the endings below do not bring together, or that are synonyms in names of diseases.
_SAME_FORM = (
    "epilepsy epileptic", "hypertension hypertensive", "hypotension hypotensive", "psychosis psychotic", "necrosis necrotic",
    "thrombosis thrombotic thrombus thrombi", "stenosis stenotic", "cirrhosis cirrhotic", "sclerosis sclerotic",
    "fibrosis fibrotic", "cholestasis cholestatic", "infection infected infect infectious", "allergy allergic",
    "depression depressed depressive", "mania manic", "anxiety anxious", "obesity obese", "diabetes diabetic",
    "deficiency deficient deficit", "toxicity toxic", "disturbance disturbed", "hemorrhage hemorrhagic hemorrhaging",
    "edema edematous", "dystrophy dystrophic", "atrophy atrophic", "hypertrophy hypertrophic", "spasm spastic spasticity",
    "rigidity rigid", "calcification calcified calcinosis", "malignancy malignant", "neoplasm neoplasia neoplastic",
    "metastasis metastatic", "inflammation inflammatory inflamed", "ulcer ulceration ulcerated ulcerative",
    "nausea nauseous nauseated", "vomiting vomit emesis", "abnormality abnormal", "parkinson parkinsonian parkinsonism",
    "cognition cognitive", "behavior behavioral", "akinesia akinetic", "dyskinesia dyskinetic", "ataxia ataxic",
    "leukemia leukemic", "anemia anemic", "ischemia ischemic", "hypoxia hypoxic", "sepsis septic", "cyst cystic",
    "psoriasis psoriatic", "arthritis arthritic", "asthma asthmatic", "deafness deaf", "blindness blind", "tooth teeth",
    "foot feet", "myasthenia myasthenic", "autism autistic", "albinism albino", "gene genetic", "dementia demented",
    "overdose overdosage", "lymphoma lymphomatous", "alcoholism alcoholic", "catatonia catatonic", "suicide suicidal",
    "constipation constipated constipating", "carcinogenesis carcinogenic carcinogenicity tumorigenesis tumorigenic",
    "tuberculosis tuberculous", "embolism emboli embolus embolic embolization", "thromboembolism thromboemboli thromboembolic",
    "rheumatism rheumatic rheumatologic rheumatological", "migraine migraineur migrainous", "pain painful",
    "dilatation dilation dilated", "infarction infarct infarcted", "tremor tremulous", "fatigue fatigability fatiguability tired",
    "sedation sedated", "delirium delirious", "paralysis paralyzed paralytic", "confusion confused", "jaundice jaundiced",
    "itching itchy", "nephrosis nephroses", "arrhythmia arrhythmic dysrhythmia dysrhythmic", "hallucination hallucinosis",
)  # fmt: skip
_SYNONYMS = (
    "kidney renal nephric", "liver hepatic", "heart cardiac", "lung pulmonary", "brain cerebral", "stomach gastric",
    "intestine intestinal bowel", "skin cutaneous dermal dermatologic", "eye ocular ophthalmic", "vision visual sight",
    "hearing auditory", "blood hematologic hematological", "muscle muscular", "breast mammary", "ovary ovarian",
    "uterus uterine", "prostate prostatic", "vessel vascular", "artery arterial", "vein venous", "bone osseous",
    "tooth dental", "spleen splenic", "pancreas pancreatic", "testis testicular testes", "bladder vesical",
    "nerve neural neuronal", "neurological neurologic nervous", "mouth oral buccal", "nose nasal", "throat pharyngeal pharynx",
    "cancer carcinoma neoplasm tumor malignancy", "hereditary inherited familial heritable gene", "bleeding hemorrhage",
    "injury damage lesion trauma", "pain ache", "child childhood pediatric infantile juvenile", "convulsion seizure",
    "mental psychiatric psychological", "arrest stop", "newborn neonatal neonate", "swelling edema", "memory amnesia amnestic",
    "addiction dependence", "fever pyrexia", "itching pruritus itch", "hair capillary", "stone calculus calculi lithiasis",
    "heartbeat heart", "urine urinary", "locomotor motor movement", "bruising bruise contusion",
    "weakness asthenia", "enlarged enlargement megaly", "anesthesia anaesthetic",
    "high elevated raised increased increase elevation rise", "low decreased reduced decrease reduction fall diminished lowering",
    "spasm vasospasm", "clot thrombus", "loss lost", "baby infant",
)  # fmt: skip
_GENERIC = (
    "disease disorder condition syndrome dysfunction impairment disturbance problem abnormality anomaly dyscrasia "
    "pathology trouble sign symptom event episode manifestation reaction change defect deficit illness"
)
_WEAK = (  # words that say which kind of it, not what
    "sporadic isolated idiopathic severe mild moderate chronic acute classic classical solid human patient primary secondary "
    "progressive recurrent typical atypical variant form type subtype group class stage early late onset adult autosomal "
    "dominant recessive linked x syndromic nonsyndromic associated related induced other unspecified "
    "drug chemical chemically medication substance "
    " 1 2 3 4 5"
)
_LESS_TEXT = """
    decreased reduced decline declined declines declining loss worsening worsened deterioration deteriorated deteriorating
    decrease reduction
"""
LESS = frozenset(_LESS_TEXT.split())  # of a function: an insufficiency
IMPAIRED = frozenset(("impaired", "impairment", "abnormal", "altered", "disturbed", "dysfunctional"))
_SALTS_TEXT = """
    sodium potassium calcium hydrochloride hcl dihydrochloride hydrobromide sulfate sulphate maleate mesylate mesilate tartrate
    bitartrate citrate phosphate acetate fumarate succinate bromide chloride besylate tosylate gluconate lactate nitrate pamoate
    hydrate monohydrate dihydrate trihydrate anhydrous salt salts base racemic tablet tablets
"""
SALTS = frozenset(_SALTS_TEXT.split())  # what a drug's name may have beside it without being another drug
TOXIC = "toxicity"
_COMBINING = {  # the organ that a combining form names
    "nephro": ("kidney",), "hepato": ("liver",), "cardio": ("heart",), "neuro": ("neurological", "system"),
    "oto": ("hearing",), "hemato": ("blood",), "pneumo": ("lung",), "gastro": ("stomach",), "entero": ("intestine",),
    "dermato": ("skin",), "retino": ("retina",), "encephalo": ("brain",), "arthro": ("joint",), "angio": ("vessel",),
    "myelo": ("bone", "marrow"), "lymphadeno": ("lymph", "node"), "coagulo": ("blood", "coagulation"), "uro": ("urine",),
    "vasculo": ("vessel",), "myo": ("muscle",), "osteo": ("bone",), "immuno": ("immune",), "enzymo": ("enzyme",),
    "hemoglobino": ("hemoglobin",), "thyroido": ("thyroid",), "spondylo": ("spine",), "phaco": ("lens",),
}  # fmt: skip
_TAILS = ("pathy", "pathies", "pathic", "toxicity", "toxicities", "toxic")
_ENDINGS = (  # not those that mean something: -itis, -osis, -oma, -emia
    "ization", "iveness", "ically", "ational", "ition", "ation", "ative", "ances", "ences", "ical", "ment", "ness", "ency",
    "ancy", "ance", "ence", "ious", "eous", "ent", "ant", "ive", "ity", "ion", "ous", "ian", "ial", "ics", "ing", "ic", "al",
    "ia", "ed", "es", "us", "um", "ism", "y", "e", "a",
)  # fmt: skip
_ADJECTIVES = (  # of nouns whose endings mean something
    ("static", "stasis"), ("itic", "itis"), ("otic", "osis"), ("emic", "emia"), ("lytic", "lysis"), ("plegic", "plegia"),
    ("pathic", "pathy"), ("trophic", "trophy"), ("paretic", "paresis"), ("uric", "uria"), ("etic", "esia"),
)  # fmt: skip
_NO_SUCH_NOUN = "nephrotic antibiotic narcotic hypnotic genetic diuretic cosmetic epidemic systemic diabetic"
_NOT_ADJECTIVES = frozenset(_NO_SUCH_NOUN.split())
_SHORTEST_STEM = 4
_WORD = re.compile(r"[^\W_]", re.UNICODE)


def is_word(key: str | None) -> bool:
    """Whether a token's key has a letter or digit."""
    return key is not None and _WORD.search(key) is not None


def content_words(keys: Sequence[str]) -> list[str]:
    """The words without function words; all of them when there is nothing else."""
    return [key for key in keys if key not in FUNCTION_WORDS] or list(keys)


@lru_cache(maxsize=1 << 17)
def inflected(key: str) -> str:
    """A folded word in the singular, in American spelling, numerals in digits."""
    key = _NUMERALS.get(key, key)
    if len(key) > 4:
        if key.endswith("ies"):
            key = key[:-3] + "y"
        elif key.endswith(("sses", "xes", "ches", "shes")):
            key = key[:-2]
        elif key.endswith("oses"):
            key = key[:-2] + "is"
        elif key.endswith("s") and not key.endswith(("ss", "us", "is")):
            key = key[:-1]
    if len(key) > 4:
        for british, american in _SPELLINGS:
            if british in key:
                key = key.replace(british, american)
        if len(key) > 6 and key.endswith("ise"):
            key = key[:-3] + "ize"
    return key


@lru_cache(maxsize=1 << 17)
def stem(key: str) -> str:
    """A folded word without inflection and derivation."""
    key = inflected(key)
    same = _FORMS.get(key)
    return same if same is not None else _without_ending(key)


def _without_ending(key: str) -> str:
    for adjective, noun in _ADJECTIVES:
        if key.endswith(adjective) and len(key) - len(adjective) >= _SHORTEST_STEM - 1 and key not in _NOT_ADJECTIVES:
            key = key[: -len(adjective)] + noun
            break
    for ending in _ENDINGS:
        if key.endswith(ending) and len(key) - len(ending) >= _SHORTEST_STEM:
            return key[: -len(ending)]
    return key


@lru_cache(maxsize=1 << 17)
def unit(key: str) -> str:
    """A stem, with synonyms as one and words that only say "something is wrong" as GENERIC."""
    key = inflected(key)
    if key in _GENERIC_WORDS:
        return GENERIC
    form = stem(key)
    return _MEANINGS.get(form, form)


@lru_cache(maxsize=1 << 16)
def units(key: str) -> tuple[str, ...]:
    """The units of a word; "nephropathy" is kidney, disease and "nephrotoxicity" kidney, toxicity."""
    for tail in _TAILS:
        if key.endswith(tail):
            root = key[: -len(tail)]
            organ = _COMBINING.get(root) or _COMBINING.get(root + "o")
            if organ:
                return (*(unit(word) for word in organ), GENERIC if tail.startswith("path") else unit(TOXIC))
    return (unit(key),)


_GENERIC_WORDS = frozenset(_GENERIC.split())
_FORMS = {inflected(word): group.split()[0] for group in _SAME_FORM for word in group.split()}
_MEANINGS = {stem(word): stem(group.split()[0]) for group in _SYNONYMS for word in group.split()}
WEAK_UNITS = frozenset(unit(word) for word in _WEAK.split())
