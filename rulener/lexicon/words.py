"""Words that curation and variants go by, in lower case. Written for this project; each list says what its words share."""

from __future__ import annotations


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


def _phrases(text: str) -> frozenset[str]:
    """Names of several words, separated by bars."""
    return frozenset(" ".join(phrase.split()) for phrase in text.split("|"))


FUNCTION = _words(
    """
    a about above across after again against all almost alone along already also although always am among an and another any
    anyone anything are around as at away back be became because been before behind being below beneath beside besides between
    beyond both but by can cannot could did do does doing done down during each either else ever every everyone everything
    except few for from further had has have having he hence her here hers herself him himself his how however i if in indeed
    instead into is it its itself just least less lest like many may me might mine more moreover most much must my myself
    neither never nevertheless no nobody none nor not nothing now of off often on once one only onto or other others otherwise
    our ours out over own per perhaps quite rather same several shall she should since so some somebody someone something
    sometimes somewhat soon still such than that the their theirs them themselves then thence there thereby therefore these they
    this those though through throughout thus to together too toward towards under until unto up upon us very via was we well
    were what whatever when whenever where whereas wherever whether which while who whoever whole whom whose why will with
    within without would yes yet you your yours yourself
    """
)
"""Function words: they carry no meaning of their own."""

EVERYDAY = _words(
    """
    able absence accept accident account act acting action active activities activity actual actually add added addition address
    admission advance advice affect affected african afternoon age aged agent agree agreed aid aids aim air airway alarm alert
    align alive allow allowed allowing american amount angle animal annual answer apart appear appearance appeared appears apple
    appliance appliances applicator approach area areas argue arrange arrangement arrest arrive arrow art article asian aside
    ask asked asking aspect assist assistance assume attempt attend august authority autumn available avenue average avoid awake
    awakening aware axes axis baby bad bag balance ball band bank bar bare barrier base based basic basin basis bat bath
    bathroom battle bay beach beam bean bear beat beats beautiful bed bedroom bee beer began begin beginning begun behave
    believe belong belt bench bend benefit best bet better big bill bird birth birthday bit bite black blade blank blanket blind
    block blow blue board boat body book boots border born boss boston bottle bottom bought bound box boy boys branch brand
    brave bread break breakfast breathing bridge brief briefly bright bring broad brother brothers brought brown bucket budget
    build building built bulk burden bus business busy butter button buy cake call called calling calls calm came camp candle
    cane capable capacity captain capture car card care careful carefully careless carry case cases castle cat catch caucasian
    cause caused causes caution center central century certain certainly chain chair challenge chamber champion chance change
    changed changes changing channel character charge charm chart charter chase cheap check checked cheese chicken chief child
    children chocolate choice choose circle circuit city claim class classic clean clear cleared clearly clever client climb
    clinic clock close closed closely closing cloth clothes clothing cloud club coach coal coat cocktail code coffee cognitive
    coin collar collect collecting collection college color colour column comb combination combinations combine come comes
    comfort comfortable coming command comment commercial commit common commonly community companion company compare compared
    complaint complete completed completely complex compliance component compose comprehensive concept concern concerned
    concerns conclude conclusion conduct confirm confirmed connect connector consent consider considered consist consistent
    constant constriction construction consumption contact contain contained container content context continue continued
    continues contract contrast control controlled conversation cook cookie cool coordination cope copy core corn corner correct
    corrected corrective cost cotton council count country couple courage course court cousin cover covered cow craft cream
    create credit crew criteria critical crop cross crowd crown cruise crush cry cup curious current currently curve cushion
    custom customer cut cute cutting cycle daily dairy damage dance danger dark dash data date dated daughter daughters dawn day
    days daytime dead deal dear death debate december decide decided decision declare decline deep deeper deeply defend define
    definite definition degree degrees delay deliver delivery demand density dependent describe described description desert
    design desire desk despite detail details determine determined develop developed development device devices diagnose diamond
    diary did died different difficult difficulties difficulty dig dimension dimensions dinner direct directed direction
    directions directly director dirt dirty discuss discussed discussion dish dislike distance district divide divided doctor
    doctors document dog dollar domain donor door double doubt dozen draft dragon drain drama draw drawn dream dress drew drive
    driver driving drop drug drugs drum dry duct due dull duration dust duty each early earth ease easily east easy eat eating
    economic edge edges education effect effective effects effort efforts egg eight eighth elder elderly electric element
    elements elephant eleven ellipse emergency employ employed empty enable encounter encourage end ended ending ends energy
    engine english enhance enjoy enough ensure enter entered entire entirely entrance entry environment equal equally equipment
    error errors essential essentially establish estate estimate estimated european evaluate evaluated evaluation even evening
    evenings event events eventually everybody evidence evident exact exactly examine examined example excellent excess exchange
    excited exclude excluded excuse exercise exercises exist exit expand expect expected experience expert explain explained
    express expressed extend extended extensive extent extra extreme extremely fact factor factors faculty fail failed failure
    fair fairly familiar families family famous fancy far farm farmer fashion fast father fault favor favorite favour fear
    feature features february fed feed feeding feel feeling feels fell fellow felt female fence fetch field fifteen fifth fifty
    fight figure file fill filled film final finally find finding findings fine finish finished fire firm firmly first fish fit
    five fix fixed flag flame flash flat flavor flight floor flour flow flower fluid fluids fly focus fog fold folder folk
    follow followed following follows food foods foolish force forces foreign forest forget form formal format formed former
    formerly forms forth fortnight forty forward fought found foundation four fourteen fourth fox frame frank free freedom
    freely frequency frequent frequently fresh friday friend friendly friends frog front fruit fuel full fully fun function
    functional functions fund funny furniture future gain game garden garlic gas gate gather gave gear general generally
    generate generation genesis gentle gentleman gently genuine get gets getting giant gift girl girls give given gives giving
    glad glance glass global glove gloves goal goals goat god going gold golden gone good goods goose got govern government
    grace grade gradual gradually grain grand grandfather grandmother grape grasp grass grateful grave gray great greater
    greatest greatly green grew grey grip ground group groups grow growing grown growth guard guess guest guide guidelines guilt
    gun gut guy habit had half halfway hall hammer handle handled handling hang happen happened happy harbor hard harm harmony
    hat hate having hay heading health healthy hear heard hearing heat heaven heavily heavy held hello help helped helpful
    herself hidden hide high higher highest highly hill hint hire hired hispanic history hit hold holder holding holds hole
    holiday home homeless honest honey honor hood hope horn horse hospital hospitalized host hot hotel hour hours house
    household housing huge human hundred hunger hungry hunt hurry hurt husband hydrate hygiene ice idea ideal identical
    identified identify image images imagine immediate immediately impact importance important impose impossible impression
    improve improved improvement inch inches incident include included includes including income increase increased increases
    increasing independent independently indicate indicated indicates indication individual individuals industry infant infants
    influence inform information informed initial initially inner input inquiry insert inserted inside insight inspect
    inspection instance instruction instructions instrument instruments insurance intact intake intelligence intend intended
    intense intensity interest interested internal interval intervals intervention interview introduce introduced invention
    invest investigation invite involve involved involvement island isolate issue issues item items jacket january jet jewel job
    jobs join joined joke journal journey joy judge judgment july jump june junior jury justice justify keen keep keeping keeps
    kept key kick kid kids kill kind kindly kinds king kingdom kit kitchen kite knew knife knock know knowing knowledge known
    lab label labor laboratory labs lack ladder lady lake lamp land landing language large largely larger largest last lasting
    lately later latest latter laugh launch law lawn lawyer lay layer layers lazy lead leader leading leads leaf league lean
    learn learned learning leather leave leaves leaving lecture led left legal lemon length lengthy lesson let letter letters
    level levels liberty library license lid lie lies life lifetime lift lifting light lightly likely limit limitation
    limitations limited limits line lined linen liner lines link lion liquid list listed listen lists literature little live
    lived living load loan local locate located location lock log logic london lone lonely long longer look looked looking looks
    loop loose lord lose loss lost lot lots loud love lovely lover low lower lowest loyal luck lucky lunch luxury machine mad
    madam made magazine magic magnet mail main mainly maintain maintained major majority make maker makes making male males man
    manage managed management manager manner manual map maple march margin margins mark marked markedly marker markers market
    markings married mask master match material materials matter matters maximum maybe meal meals mean meaning means meant
    meanwhile measure measured measures meat media medical medicated medication medications medicine medicines medium meet
    meeting member members memory men mental mention mentioned menu mercy merely merit mess message met metal meter meters
    method methods middle midnight mild mile miles milk million mind minds mineral minimal minimally minimum minor minute
    minutes mirror miss missed missing mission mist mistake mix mixed mixture mobile mode model moderate moderately modern
    modest modify moment monday money monitor monitored monitoring monkey month monthly months mood moon moral morning mornings
    mother motion motor mountain mouse move moved movement movements moves movie moving multiple museum music mutual mystery
    name named names narrow nation national native natural naturally nature near nearby nearly neat necessarily necessary need
    needed needs negative neighbor nephew nest net network neutral new newborn newly news next nice niece night nights nighttime
    nine ninety ninth noble noise noon normal normally north notable note noted notes notice noticed novel november number
    numbers numerous nurse nurses nursing nut oak oath obey object objective observation observe observed obtain obtained
    obvious obviously occasion occasional occasionally occupation occupy occur occurred occurs ocean october odd offer offered
    office officer oil okay old older oldest olive omit oncology ones onion onset open opened opening operate operated operating
    opinion opportunity oppose opposed opposite option options orally orange order ordered orders ordinary organ organic
    organization origin original originally ought ounce outcome outdoor outer outline output outside overall overnight overview
    owe owner ox pace pack package packed page paid paint painted pair pairs palace panel paper papers parade parent parents
    park part partial partially participate particular particularly partly partner parts party pass passed passes passing past
    paste patch path pathway patience patient patients pattern patterns pause pay paying payment peace peach peak pear pencil
    people pepper perfect perfectly perform performance performed performing period periods permanent permit permitted person
    personal persons pet phase phone photography phrase physical physically physician physicians piano pick picked picture
    pictures pie piece pieces pig pile pilot pin pine pink pint pipe pitch pizza place placed placement places placing plain
    plan plane planet planned planning plans plant plants plastic platform play player playing pleasant please pleased pleasure
    plenty plot plow plus pocket poem poet point points pole police policy polish polite pool poor poorly pop popular population
    porch pork port portion position positioned positioning positive possess possession possibility possible possibly post
    posture pot potato potential potentially pound pounds pour powder power powerful practical practice praise prayer precise
    precisely prefer preferred preparation prepare prepared presence present presented presenting presently presents preserve
    preserved press pressed pressing pressure prevent prevented previous previously price pride primarily primary prime prince
    princess principal print prior prison private prize probable probably problem problems procedure procedures proceed
    proceeded process processes produce produced producing product production products profession professional profile profit
    prognosis program progress prohibit project prolonged prominent promise promote prompt promptly proof propel proper properly
    property proposal prospect protect protected protection protocol proud prove proven provide provided provider providers
    provides province provoke public publish pull pulled pulling punch purchase pure purple purpose purposes purse push pushed
    pushing put puts puzzle quality quantity quarter queen quest question questioned questions quick quickly quiet quit quote
    rabbit race radio rail rain raise raised ran random range ranges rank rapid rapidly rare rarely rasp rat rate rates raw ray
    reach reached reaching react read readily reading readings ready real realize really rear reason reasonable reasonably
    reasons rebound recall receive received receiving recent recently reception recognize recommend recommendation
    recommendations recommended record recorded records recover recovered recovery red reduce reduced reduction refer reference
    referral referred reflect reform refuse refused regain regard regarding regardless region regional regions register regret
    regular regularly reject relate related relation relationship relative relatively relatives relax relaxed release released
    reliable relief relieve relieved religion rely remain remainder remained remaining remains remark remarkable remember remind
    remote removal remove removed removing rent repair repaired repeat repeated repeatedly replace replaced replacement replete
    reply report reported reports represent represents reproduce request requested require required requires rescue research
    reserve reside resident residents residual resist resistance resolve resolved resource respect respond response responsible
    responsive rest rested resting restore restrict restricted restriction restrictions result resulted resulting results resume
    resumed retain retained retire retired retraction return returned returning returns reveal revealed reveals reverse review
    reviewed revision reward rice rich rid ride right ring rise rising risk risks river road roar robe rock rocket rode role
    roll roof room rope rose rough roughly round route routine routinely row royal rub rubber rude rug ruin rule ruled rules run
    running runs rush sad saddle safe safely safety said sail saint salad salary sale salt sample samples sand sat satisfactory
    satisfied saturday sauce save saved saw say saying says scale scatter scene schedule scheduled school science scope score
    scores scout screen sea search season seat second secondary secondly seconds secret section sections sector secure secured
    security see seed seeing seek seem seemed seems seen segment select selected self sell send senior sensation sense
    sensitivity sent sentence separate separated separately september sequence series serious seriously servant serve served
    service services serving session set sets setting settings settle settlement setup seven seventh seventy severe severely
    severity sew sex shade shadow shake shallow shape shaped share shared sharp sharply shave sheep sheet shelf shell shelter
    shield shift shine ship shirt shoe shoes shook shoot shop shore short shorter shortly shot shots shout shovel show showed
    shower showing shown shows shut shy sibling siblings side sides sight sign signal signed significance significant
    significantly signs silence silent silk silver similar similarly simple simply sing single sink sir sister sisters sit site
    sites sitting situation situations six sixteen sixth sixty size sized sizes skill skilled skills sky sleep sleeping slept
    slice slide sliding slight slightly slip slope slow slowly small smaller smallest smart smell smile smoke smooth smoothly
    snake snow soap social society sock soft softly soil sold soldier sole solely solid solution solutions solve son song sons
    sort sorts soul sound sounds soup sour source sources south space spaces span spare speak speaking special specialist
    specific specifically specify specimen specimens speech speed spell spend spent spirit spite split spoke spoken spoon sport
    sports spot spots spray spread spring square squeeze stable staff stage stages stain stair stairs stamp stand standard
    standing star stark start started starting starts state stated states station stations status stay stayed staying steadily
    steady steel steep stem step steps stick sticks stiff stock stood stop stopped stops storage store stored storm story stove
    straight strange stranger strap stream street strength strengthen stretch strict strike string strings strip strips strong
    strongly struck structure structures struggle student students studied studies study stuff stump stupid style subject
    subjective subjects submit subsequent subsequently subtle success successful successfully sudden suddenly suffer suffered
    suffering sufficient sugar suggest suggested suggesting suggestion suggestive suggests suit suitable sum summary summer sun
    sunday supper supplement supplements supplies supply support supported supporting suppose sure surely surface surfaces
    surfing surgeon surgeons surprise surround surrounding survey survival survive suspect suspected suspicion suspicious
    sustain swam sweep sweet swim swing switch switched symbol symmetry sympathy system systems table tables tag tail take taken
    takes taking tale talk talked talking tall tandem tank tap tape target task taste taught tax tea teach teacher team
    technical technically technique techniques telephone television tell telling temper tempo temporary ten tend tends tennis
    tension tent tenth term terminal terms terrible territory test tested testing tests text thank thanks theater theme theory
    thereafter thick thickness thin thing things think thinking thinks third thirteen thirty thorn thorough thoroughly thought
    thoughts thousand thread threat three threw thrive throw thrown thursday tide tie tied tiger tight tightly till timber time
    timed times tin tiny tip tips tire title toast today told tolerance tolerate tolerated tomato tomorrow ton tone tonight took
    tool tools top topic torn total totally touch touched tough tour towel tower town toy trace track tracking trade tradition
    traffic train trained training transfer transferred transition transport trap travel traveled treasure treat treated
    treating treatment treatments tree tremendous trend trial tribe trick tried trip tropical trouble truck true truly trust
    truth try trying tuesday tune turn turned turning twelve twenty twice twin twins two type types typical typically ugly
    ultimate ultimately unable unchanged uncle uncomfortable uncommon understand understanding understood undertaken underwent
    unemployed uneven unfortunately uniform union unique unit units universe university unknown unless unlike unlikely
    unremarkable unusual upper upright upset urge use used useful user uses using usual usually utilize utilized vacation vague
    valid valley value values van variable variety various vary vast vegetable vehicle verbal verify version victory video view
    viewed views village violence violent visible vision visit visited visiting visits visual vital vitals voice volume
    volunteer vote voyage wage wagon wait waiting wake waking walk walked walking walks wall walls wander want wanted wants war
    ward warm warmth warn warned warning wash washed washing waste watch water watery wave waves wax way ways weak weaken wealth
    weapon wear wearing weather wedding wednesday wee weed week weekend weekly weeks weigh weighed weighing weighs west wet
    wheel whisper white wide widely wider widow width wife wild willing win wind window wine wing winner winter wipe wisdom wise
    wish wishes withdrawn witness wolf woman women won wonder wonderful wood wooden wool word words wore work worked worker
    workers working works workup world worm worn worried worry worse worsened worsening worst worth worthy wrap wrapped write
    writing written wrong wrote yard year yearly years yellow yesterday yield young younger youngest youth zero zone zoo
    """
)
"""Words of everyday English whose places in a note are, nearly always, not the concept that some vocabulary calls so."""

QUALIFIER = _words(
    """
    abnormal abnormalities abnormality absent abundant accelerated acquired acute adequate adjacent adult advanced adverse
    afferent alternate ambulatory anterior apical arterial ascending asymmetric asymmetrical asymptomatic atypical auditory
    autosomal axial basal basilar benign bilateral bilaterally borderline brisk bronchial cardiac cardiovascular caudal cellular
    cerebral cervical chronic chronically circumferential clinical clinically coarse combined concomitant congenital continuous
    contralateral corneal coronal coronary cortical cranial cystic deceased decreased deficient degenerative delayed dental
    dependent descending developmental diagnostic diastolic diffuse diffusely digital discrete disseminated distal distant
    dominant dorsal efferent elective elevated encapsulated end-stage endocrine endoscopic epidural epigastric episodic
    equivocal exaggerated excessive exogenous external extrinsic facial familial fatal fetal fibrous firm flexed focal focally
    frontal fulminant gastric gastrointestinal generalised generalized genetic global gradual gross grossly hepatic hereditary
    heterogeneous high-grade homogeneous horizontal hyperactive hypoactive iatrogenic idiopathic immature impaired inadequate
    inappropriate incidental incomplete independent indeterminate indolent inferior inflammatory inguinal inherited intermittent
    interstitial intestinal intracranial intractable intrauterine intravenous intrinsic invasive ipsilateral irregular isolated
    juvenile laryngeal latent lateral laterally left-sided life-threatening localised localized long-term longitudinal low
    low-grade lumbar malignant marginal massive mature maximal medial medially median metabolic metastatic microscopic middle
    midline moderate morphologic mucosal mucous multifocal multilocular muscular musculoskeletal nasal neonatal neurologic
    neurological nocturnal nodular nonspecific normal oblique obstructive occipital occlusal occlusive occult ocular one-sided
    oral orally osseous ovarian palpable pancreatic paroxysmal partial patchy patent pathologic pathological pedal pediatric
    pelvic penetrating peripheral persistent persistently pharmacologic pituitary plantar pneumococcal positional posterior
    posteriorly postmenopausal postnatal postoperative postoperatively postpartum premature prenatal preoperative preoperatively
    primary profound progressive progressively prominent prone proximal psychiatric psychological pulmonary purulent quiescent
    radial radiating radiographic recessive rectal recurrent refractory regional relapsed remote renal residual respiratory
    retroperitoneal right-sided sagittal secondary segmental sensitive sensory septic severe sexual sharp short-term solitary
    somatic spinal splenic spontaneous sporadic stable static sterile subacute subclinical subcutaneous subjective superficial
    superior supine surgical symmetric symmetrical symptomatic synthetic systemic systolic terminal therapeutic thoracic
    tortuous toxic tracheal transient transverse traumatic two-sided typical unilateral unresponsive unspecified unstable upper
    urinary uterine vaginal vague vascular venous ventral ventricular vertical viral visceral volar well-developed
    well-nourished
    """
)
"""Words that qualify a mention (course, place, degree, side, organ as adjective) and are none by themselves."""

GENERIC = _words(
    """
    abnormality abnormalities accessory agent agents analysis assay attack attacks assessment class clinical complaint
    complaints complex complication complications condition conditions change changes cure defect defects deficiency deficit
    deficits diagnoses diagnosis disability disease diseases disorder disorders dosage dose doses drug drugs entity episode
    episodes evaluation event events exam examination examinations exposure failure feature features finding findings form
    function history illness illnesses impairment index indicator intervention involvement level levels loss management
    manifestation manifestations measurement measurements mechanism medication medications medicine morphology observation
    operative organism panel pathology patient patients phenotype phenotypes preparation presence presentation problem problems
    procedure procedures process product products progression quantity reaction reactions regimen removal report result results
    sample screen sequence sequela sequelae service severity sickness sign signs specimen spectrum state status structure study
    studies subtype support surgical symptom symptoms syndrome syndromes system technique test testing tests therapies therapy
    tissue treatment treatments trial type types unit use variant variants vital
    """
)
"""Heads that are no concept without a word that says which: a term made of these (and qualifiers) alone."""

BODY_PARTS = _words(
    """
    abdomen acetabulum adrenal airway ankle ankles anus aorta appendix arm arms arteries arteriole artery atrium auricle axilla
    bladder bone bones bowel bowels brain brainstem breast breasts bronchi bronchus buttock buttocks caecum calf calves
    capillary cartilage cavity cecum cerebellum cerebrum cervix cheek chest chin chromosome clavicle cochlea colon colorectum
    conjunctiva cord cornea cortex cranium csf cytoplasm diaphragm duodenum dura ear ears elbow elbows endocardium endometrium
    epidermis esophagus extremities extremity eye eyebrow eyelid eyelids eyes face femur fibula finger fingers flank fluid foot
    forearm forehead fossa gallbladder gland glands groin gums hair hand hands head heart heel hip hips humerus hypopharynx
    ileum intestine intestines iris jaw jejunum joint joints kidney kidneys knee knees larynx leg legs lens ligament ligaments
    limb limbs lip lips liver lobe loin lung lungs lymphocyte mandible maxilla mediastinum meninges mesentery mitochondria mouth
    mucosa muscle muscles myocardium nail nails nasopharynx neck nerve nerves neuron neurons nipple nose nostril nucleus
    oesophagus omentum orbit oropharynx ovaries ovary palate palm pancreas patella pelvis penis pericardium perineum peritoneum
    pharynx pituitary placenta platelet pleura pons prostate pupil pupils radius rectum retina rib ribs root sacrum scalp
    scapula sclera scrotum septum shoulder shoulders sinus sinuses skeleton skin skull spine spleen sternum stomach stump teeth
    temple tendon tendons testes testicle testicles testis thalamus thigh thighs thorax throat thumb thymus thyroid tibia tissue
    toe toes tongue tonsil tonsils tooth torso trachea trunk ulna umbilicus ureter ureters urethra uterus uvula vagina vein
    veins ventricle ventricles vertebra vertebrae vertebral vessel vessels vulva waist wrist wrists
    """
)
"""Parts of the body."""

ANALYTES = _words(
    """
    acid albumin aldosterone ammonia amylase antibodies antibody antigen bacteria bicarbonate bilirubin blood calcium
    catecholamine chloride cholesterol collagen copper cortisol creatinine electrolytes enzyme enzymes erythrocyte erythrocytes
    estradiol estrogen ferritin fibrinogen folate gene glucose haemoglobin hemoglobin hormone hormones immunoglobulin insulin
    iron ketones lactate leukocyte leukocytes lipase lipid lipids lymphocytes magnesium neutrophil neutrophils oxygen phosphate
    phosphorus platelets potassium progesterone prolactin protein proteins prothrombin serum sodium testosterone triglycerides
    troponin urate urea urine virus zinc
    """
)
"""What the laboratory measures, and what it measures it in."""

SEMANTIC_TAGS = _phrases(
    """
    administration method | anatomical structure | attribute | basic dose form | biological function | body part | body
    structure | brand name | cell | cell structure | chemical/ingredient | clinical drug | context-dependent category | core
    metadata concept | diagnosis | diagnostic procedure | disease/finding | disorder | disposition | dose form | dose form group
    | environment | environment / location | epc | ethnic group | event | finding | foundation metadata concept | geographic
    location | ingredient | intended site | life event | life style | link assertion | linkage concept | mechanism of action |
    medication | medicinal product | medicinal product form | metadata | moa | morphologic abnormality | morphology | namespace
    concept | navigational concept | number | observable entity | occupation | organism | pe | person | physical force |
    physical object | physiologic effect | pk | precise ingredient | procedure | product | product name | qualifier | qualifier
    value | racial group | record artifact | regime/therapy | release characteristic | religion/philosophy | role | semantic
    drug | sign | situation | social concept | special concept | specimen | staging scale | state of matter | substance |
    supplier | surgical procedure | symptom | tc | test | therapeutic procedure | transformation | tumor staging | unit of
    presentation | va product | virtual clinical drug
    """
)
"""What vocabularies write in brackets after a name to say what kind of thing it names."""

DOSE_FORMS = _words(
    """
    aerosol balm bar beads caplet capsule capsules cartridge chewable cream crystals drops elixir emulsion enema film foam gel
    granules gum implant inhalant inhaler injectable injection insert irrigation kit liquid lotion lozenge mouthwash ointment
    pack paste patch pellet pill powder product ring shampoo soap solution spray stick strip suppository suspension swab syringe
    syrup system tablet tablets toothpaste wafer
    """
)
"""What a drug is made up as."""

UNITS = _words("actuat cells bau ci eq g gm gram grams hr iu kg l lf mcg mci meq mg mg/ml ml mmol mol ng ug unit units unt usp %")
"""Units of strengths, without what they are divided by."""

SHORT_NAMES = _words(
    """
    ache acne arm axis back bile bite boil bone burn calf cast clot cold coma corn cyst drug ear edema eye face fall flu foot
    gas gout graft gum hand hair head heel hip ileus iron itch jaw joint knee leg lice lip lipid liver lobe lung mass mite mole
    mumps nail nasal neck node nose oral pain palm pox pulse pupil rash rib scar shock skin sore spine spur stent stone stye
    swab tear tic toe ulcer urea urine uric vein wart worm wound wrist zinc
    """
)
"""Short words that are names when a vocabulary writes them in capitals, not acronyms."""

NEUTRAL = _words(
    """
    acute certain chronic clinical common further general in medical mild miscellaneous moderate multiple new of or other
    particular rare several severe special specific the unknown unspecified various
    """
)
"""Words that add nothing to a generic head ("specific disorder", "clinical finding")."""

ROUTES = _words(
    """
    buccal chewable coated delayed disintegrating effervescent extended injectable inhalation intravenous metered nasal
    ophthalmic oral otic prefilled rectal release sublingual topical transdermal vaginal
    """
)
"""How a drug product is given or releases the drug."""

COUNT_NOUNS = _words(
    """
    abnormality abrasion abscess adenoma adhesion allergy amputation anastomosis aneurysm angiogram ankle anomaly antibody
    antibiotic antigen arm arrest arrhythmia artery arthrogram attack avulsion bleed blister block bone brace breast bruise
    bruit bunion burn bypass calcification callus cancer carbuncle cast catheter cavity chalazion chamber cleft clot cluster
    coma concussion contraction contracture contusion convulsion cough cramp curvature cut cyst defect deficit deformity
    delusion dermatitis dislocation disc disk displacement drain ear effusion elbow electrode embolism episode erosion eruption
    exacerbation excision extraction extremity eye eyelid fever fibroid fibrosis filter finger fissure fistula fixation flap
    fracture furuncle gallstone gland goiter graft granuloma hallucination hand headache heel hematoma haematoma hemorrhage
    haemorrhage hemorrhoid haemorrhoid hernia herniation hip hive implant incision infarct infarction infection infestation
    infiltrate injection injury insertion intervention intubation joint keloid kidney knee laceration leg lesion ligament
    ligation limb lobe lump lung malformation malignancy mass melanoma migraine mole murmur muscle nail neoplasm nerve nevus
    naevus node nodule obstruction opacity operation ovary pacemaker palpitation palsy papule paralysis perforation phobia pill
    placement plaque pneumonia pneumothorax polyp pregnancy prosthesis prolapse pustule radiograph rash reaction reconstruction
    reduction reflex removal repair replacement resection rib rupture scan scar screw seizure sequestration shoulder shunt sinus
    sore spasm splint sprain spur sting stain stenosis stent stone strain stricture stroke suture symptom tear tendon testicle
    tendinopathy thrombosis tic toe tonsil tooth tract transfusion transplant transplantation tremor tube tumor tumour twin
    ulcer ulceration ultrasound ureter vaccine vaccination valve varicosity vein ventricle vesicle vessel wart wheal wheeze
    wheelchair wound wrist x-ray biopsy cancer carcinoma sarcoma lymphoma
    """
)
"""Nouns, in the singular, that notes put into the plural."""

SINGLE_HEADS = _words(
    """
    accident addiction cardiomyopathy culture deficiency device disease disorder examination failure gait hypertrophy illness
    imbalance inflammation lymphadenopathy myopathy neuropathy pain procedure retinopathy surgery syndrome test therapy thyroid
    trauma weakness anomaly dystrophy malformation dysplasia
    """
)
"""Nouns whose plural in a vocabulary ("Intestinal diseases") has a singular in notes, but not the other way round."""

IRREGULAR_PLURALS: dict[str, tuple[str, ...]] = {
    pair.partition(":")[0]: tuple(pair.partition(":")[2].split("|"))
    for pair in sorted(
        _words(
            """
            appendix:appendices atrium:atria axilla:axillae bacterium:bacteria bronchus:bronchi bulla:bullae bursa:bursae
            bursitis:bursitides calculus:calculi calyx:calyces cervix:cervices coccus:cocci conjunctiva:conjunctivae
            corpus:corpora cortex:cortices diverticulum:diverticula embolus:emboli fistula:fistulas|fistulae foot:feet
            foramen:foramina fungus:fungi ganglion:ganglia infiltrate:infiltrates labium:labia larva:larvae lumen:lumens|lumina
            macula:maculae meniscus:menisci naevus:naevi neurosis:neuroses nevus:nevi ovum:ova papilla:papillae
            petechia:petechiae phalanx:phalanges prosthesis:prostheses septum:septa stigma:stigmata stoma:stomas|stomata
            striation:striations telangiectasia:telangiectasias|telangiectasis testis:testes thorax:thoraces thrombus:thrombi
            tooth:teeth tophus:tophi trauma:traumas ulna:ulnas|ulnae varix:varices vas:vasa vertebra:vertebrae villus:villi
            x-ray:x-rays
            """
        )
    )
}
"""Plurals that no rule makes."""

SITE_HEADS = _words(
    """
    abscess abscesses adenocarcinoma adenoma amputation aneurysm angiography angiogram arteriogram atrophy biopsy biopsies
    bleeding burn calculus cancer cancers carcinoma carcinomas cellulitis congestion contracture contusion cramp cramps cyst
    cysts deformity disease diseases disorder disorders dislocation edema effusion examination excision failure fibrosis
    fracture fractures hematoma hemorrhage hernia hyperplasia hypertrophy infarct infarction infection infections inflammation
    injury injuries irritation itching laceration lesion lesions lymphoma mass masses melanoma mri neoplasm neoplasms nodule
    nodules numbness obstruction oedema pain perforation polyp polyps prolapse radiograph repair resection rupture sarcoma spasm
    ct fx fxs pet sprain stenosis stiffness stone stones strain stricture surgery swelling tear tenderness thrombosis transplant
    transplantation tumor tumors tumour tumours ulcer ulcers ultrasound weakness wound x-ray
    """
)
"""Heads that stand before or after the part of the body they are about: cancer of the breast, breast cancer."""

EPONYMS = _words(
    """
    addison alzheimer asperger baker barrett bell brodie bright buerger burkitt charcot conn crohn cushing down dupuytren ewing
    fournier gaucher hashimoto hirschsprung hodgkin horner huntington kaposi klinefelter ludwig mallory marfan meniere
    munchausen osgood parkinson paget peyronie phalen pick pompe pott prinzmetal raynaud reiter sheehan sjogren still takayasu
    tinel tourette turner virchow whipple wilson zenker
    """
)
"""Names of people in names of diseases and signs that are written with and without the possessive."""

CLOSED_COMPOUNDS: dict[str, str] = {
    opened.replace(" ", ""): opened
    for opened in sorted(
        _phrases(
            """
            follow up | check up | x ray | light headed | blood stream | heart beat | heart burn | gall bladder | gall stone |
            nose bleed | bed wetting | tooth ache | ear ache | back ache | stomach ache | hay fever | bed sore | birth mark |
            knee cap | pace maker | hair line | health care | work up | chest wall | ear drum | wind pipe | finger nail | toe
            nail | day time | night time | eye lid | eye brow | life style | collar bone | tail bone | shin bone | cheek bone |
            breast bone | breast feeding | child birth | heel spur | micro albumin | ring worm | tape worm | pin worm | spider
            bite
            """
        )
    )
}
"""Compounds that are written as one word or two."""

PLACEHOLDERS = _phrases(
    """
    unknown | none | n/a | nil | null | nan | not applicable | not available | not known | not recorded | not specified |
    unspecified | other | others | other specified | miscellaneous | no name | test | todo | tbd | delete | deleted | duplicate
    | dummy | blank | empty | missing | undefined | no code | not found | see comment | see comments | see note | as above | no
    information | pending | header term
    """
)
"""What stands where a name is missing."""

CUT_STARTS = _words("of and or due by from but nor with without to than via which that")
"""Words a whole name does not begin with."""

CUT_ENDS = _words("of the and or with due by from for and/or to via without than versus")
"""Words a whole name does not end with."""

CONTEXT_STARTS = _words(
    """
    no not denies without never absence evidence negative history h/o hx past personal family medical social fh suspected
    possible probable presumed at increased high risk rule status s/p screening encounter exposure contact suspicion concern
    fear other observation routine aftercare presence
    """
)
"""First words of names that have an assertion in them."""

LINKS = _words("and or with without due of in to by from for at on after following as during per via not nor the")
"""Words between the parts of a name: what stands before the first is its head."""

NUMBERED = _words("type stage grade class phase factor group category nerve level degree bipolar")
"""Words that a Roman or an Arabic numeral follows."""

NOUNS_LIKE_ADJECTIVES = _words(
    """
    alcoholic animal appraisal arousal arrhythmic arteritic bleed burial caries clastic colic critic crystal denial diabetic
    dispersal epileptic fabric festival funeral hemophiliac hospital laxative logic magic medic metal mineral mongol mucous
    music nosebleed panic pedestal petal refusal rehearsal relic removal renewal reversal rival signal spiral survival tic topic
    traffic trial vial withdrawal
    """
)
"""Words that end like adjectives and are nouns, or stand for a person or thing."""

DEVICES = _words(
    """
    applicator bag bandage bandages battery blade brace cannula cast catheter catheters cement clamp clamps clip clips collar
    crutch crutches cushion dressing dressings drain drains electrode electrodes filter gauze glove gloves graft grafts hook
    implant implants knife mask mesh needle needles pad pads pacemaker pin pins plate plates pump retractor rod rods scissors
    screw screws sheath shunt sling snare splint splints sponge sponges staple staples stent stents stocking stockings strap
    suture sutures swab syringe syringes tape tourniquet towel transplant trocar tube tubes tubing walker wheelchair
    wire wires
    """
)
"""Devices and materials."""

NOTE_ACRONYMS = _words(
    """
    abc abg ac acl adl ap bid bmi bp bun ca cath cbc cc ccu cmp cns cps cpt csf ct cvp cxr dc dnr dob dr
    ecg echo ed eeg ega ekg emg ent er esr fev gi gu gyn heent hpi hr hs icu im inr iv ivc iop jp jvp kub la lab labs
    lad lca lft ll llq lmp loc lp lt lul lv lvef mac mca md mm mr mra mri ms ncs ng nkda npo or ot ou pa pap pc pca pcp pda pds
    pe perrla pet pfts ph picc pmh pmi po pod prn psa psh pt ptt qd qhs qid ra rbc rca rlq rn rom ros rr rt rul ruq rv
    sc si sl spect sq stat svc tee tid tm tsh uop us vs wbc wnl
    """
)
"""Acronyms that mean a test, a vessel, a route, a time, a ward or a heading in nearly every note: no problem and no drug."""

NOTE_NAMES = _phrases(
    """
    family history | past medical history | medical history | social history | surgical history | past surgical history |
    history of present illness | present illness | review of systems | chief complaint | allergies and medications | activities
    of daily living | activity of daily living | hospital stay | hospital admission | clinic visit | office visit |
    postoperative visit | follow-up visit | follow up visit | postoperative period | hospital course | signs and symptoms |
    differential diagnosis | informed consent | day surgery | quality of life | length of stay | date of birth | standard of
    care | plan of care | level of consciousness | her family | his family | present in | onset of | associated with | as needed
    | drug allergies | medical condition | physical findings | preoperative diagnosis | postoperative diagnosis | final
    diagnosis | admission diagnosis | discharge diagnosis
    """
)
"""Headings and administration of notes that vocabularies have as names."""

ORGAN_ADJECTIVES: dict[str, str] = {
    "renal": "kidney",
    "hepatic": "liver",
    "cardiac": "heart",
    "pulmonary": "lung",
    "gastric": "stomach",
    "pancreatic": "pancreas",
    "prostatic": "prostate",
    "colonic": "colon",
    "rectal": "rectum",
    "esophageal": "esophagus",
    "cutaneous": "skin",
    "ocular": "eye",
    "mammary": "breast",
    "splenic": "spleen",
    "laryngeal": "larynx",
    "uterine": "uterus",
    "ovarian": "ovary",
    "testicular": "testis",
    "vulvar": "vulva",
    "vaginal": "vagina",
    "tracheal": "trachea",
}
"""Adjectives of organs, and the organ's own name as notes put it before a head: renal failure, kidney failure."""

ORGAN_HEADS = _words(
    """
    abscess abscesses adenocarcinoma biopsy biopsies cancer cancers carcinoma carcinomas cyst cysts disease diseases failure
    fibrosis infection infections injuries injury lesion lesions mass masses metastases metastasis neoplasm neoplasms stone
    stones surgery toxicity transplant transplantation trauma tumor tumors tumour tumours
    """
)
"""Heads before which an organ's adjective and its name mean the same."""

BODY_PHRASES = _phrases(
    "soft tissue | soft tissues | small bowel | large bowel | small intestine | large intestine | low back | lower back"
)
"""Parts of the body of several words."""
