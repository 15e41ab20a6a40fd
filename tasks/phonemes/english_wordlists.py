"""Lists of English words by class, which help to distinguish nouns from verbs. Knows no rules."""


def words(listed: str) -> frozenset[str]:
    """The words in a string."""
    return frozenset(listed.split())


CLOSED = {
    word: tag
    for tag, listed in {
        "DT": "a an the this these those every each some any no all both another either neither",
        "PRP$": "my your his its our their thy",
        "PRP": (
            "i you he she it we they me him them us thee thou ye myself himself herself itself yourself ourselves "
            "themselves yourselves i'm nobody everybody somebody everyone someone nothing everything something anyone "
            "anything mine yours hers ours theirs"
        ),
        "TO": "to",
        "IN": (
            "in of on at by for from with without into onto upon about above across after against among around as "
            "before behind below beneath beside between beyond despite during except inside near off over "
            "past since than through throughout toward towards under until unto up within if because although "
            "though while whether unless that vs vs. amid along"
        ),
        "CC": "and or but nor yet",
        "MD": (
            "can could will would shall should may might must can't couldn't won't wouldn't shan't shouldn't "
            "mustn't cannot do does did don't doesn't didn't let's i'll you'll he'll she'll we'll they'll it'll i'd "
            "you'd he'd she'd we'd they'd needn't"
        ),
        "VBZ": "is has isn't hasn't he's she's it's",
        "VBP": "am are have aren't haven't i've you've we've they've you're we're they're",
        "VBD": "was were had wasn't weren't hadn't",
        "VB": "be let",
        "VBN": "been",
        "VBG": "being",
        "WP": "who whom what which whose",
        "WRB": "when where why how",
        "EX": "there",
        "RB": (
            "not never so always often also very too still just now then here only even ever soon again almost quite "
            "rather really usually perhaps already once twice n't away back together well however sometimes maybe "
            "today tonight yesterday tomorrow alone instead forever abroad aloud far further indeed anyway twice"
        ),
        "JJ": (
            "good new old great little big small own other same such many much more most few last first next "
            "whole several young long high low large human public dead red white black daily fresh final certain "
            "deep strong sharp poor rich cold hot warm dry wet dark light heavy soft hard thin thick short tall wide "
            "narrow strange clear true false real full empty free open common single double special main major minor "
            "local foreign modern ancient royal social political military general terrible furious violent bitter "
            "lovely happy sad angry afraid ready sure glad sorry ill sick better best worse worst simple easy quiet "
            "loud bright pale blue green yellow brown grey gray golden silver wooden stiff slight polite cheap dear"
        ),
        "CD": (
            "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
            "seventeen eighteen nineteen twenty thirty forty fifty sixty seventy eighty ninety hundred "
            "thousand million billion trillion dozen"
        ),
    }.items()
    for word in listed.split()
}
"""The tag of words that have one class only, or only one that matters here."""
BE = words("is are was were am be been being isn't aren't wasn't weren't it's he's she's i'm you're we're they're")
"""Forms of to be."""
HAVE = words("have has had having haven't hasn't hadn't i've you've we've they've i'd you'd he'd she'd we'd they'd")
"""Forms of to have."""
SEEM = words(
    "seem seems seemed look looks looked feel feels felt stay stays stayed keep keeps kept remain remains "
    "remained become becomes became appear appears appeared sound sounded grow grew stand stands stood sit sits "
    "sat lie lay"
)
"""Verbs that an adjective may follow."""
PLURAL_SUBJECTS = words("i you we they who")
"""Subjects that take a verb without -s."""
SINGULAR_SUBJECTS = words("he she it this everyone everybody someone somebody nobody anyone")
"""Subjects that take a verb with -s."""
OBJECTS = words(
    "me him her them us it you everything everyone nothing something himself herself itself themselves myself "
    "yourself ourselves"
)
"""Pronouns that may be objects."""
CLAUSE_OPENERS = words(
    "if because although though while whether unless since until before after as than when where how why that"
)
"""Words that may begin a clause, so that a subject or a verb may follow."""
PAST = words(
    "was were had did said told went came saw took made knew thought found gave got left stood sat felt ran began "
    "kept held brought wrote lost paid met spent grew won bought sent built fell led spoke heard meant rose drew "
    "drove broke chose caught taught threw wore flew swam sang drank ate hid rode shook woke forgot hung swept "
    "struck stuck swore tore bent slept crept fled sold blew sank shot"
)
"""Irregular verbs in the past tense."""
PARTICIPLES = PAST | words(
    "gone come become done seen taken given known run written spoken chosen grown drawn driven broken thrown worn "
    "flown sung drunk eaten hidden ridden shaken woken forgotten sworn torn fallen risen upset put set cut let "
    "hit hurt shut read"
)
"""Irregular verbs as past participles."""
VERBS = words(
    "go come see say know take get make think look want give find tell ask work seem feel try leave call need "
    "become put keep begin help talk turn start show hear play run move like believe hold bring happen write "
    "provide sit stand lose pay meet include continue set learn understand watch follow stop create speak allow "
    "add spend grow open walk offer remember love consider appear buy wait serve die send expect build stay fall "
    "cut reach kill remain serve eat drink sing catch choose carry throw wear break draw drive ride climb fight "
    "gather hate hope kiss laugh listen marry pass push pull raise save shut sleep smile steal teach touch visit "
    "wash win wish worry answer avoid begin bend blow burn cost count cover cross cry dare describe destroy drop "
    "enjoy enter escape explain fill fly forget forgive hide hurt join jump lay lift lock manage mind miss notice "
    "obey owe plant please pour prefer prepare press promise prove receive refer remove repeat reply require "
    "return ring rise roll rush seek sell shake shine shoot shout spread steer strike suffer suggest suppose swim "
    "tend thank travel trust vote wake wander warn waste rely"
)
"""Common verbs in the infinitive."""
PARTICLES = words(
    "up down out away off on back over early late early well easily again together apart upward alone here there "
    "now forever abroad twice"
)
"""Adverbs that often follow a verb."""
NOT_PLURAL = words(
    "is was this us thus yes his its as gas bus plus news always perhaps less across class glass grass press"
)
"""Words that end in s and are no plurals."""
NOUN_PHRASE_OPENERS = frozenset(("DT", "PRP$", "CD", "POS"))
"""The tags of words that a noun follows."""
PLURALS = words(
    "people men women children police mice feet teeth geese cattle those these all both most many few others"
)
"""Plurals without s, and other words that stand for several."""
ADJECTIVES = words(
    "absent abstract alternate animate appropriate approximate articulate bass close compact content deliberate "
    "desolate diffuse duplicate elaborate expatriate frequent graduate incarnate initiate intimate invalid "
    "learned legitimate live minute moderate perfect precipitate present saturate separate subject subordinate "
    "upset"
)
"""Words that can be adjectives, and then sound different from the noun, the verb or both."""
OFTEN_VERBS = words(
    "use refuse produce excuse abuse permit separate invite allow insert transform extract consist resume refund "
    "recall review combine confine digest convert estimate increase decrease wind live progress conflict"
)
"""Homographs that are more often a verb than a noun."""
RARELY_VERBS = words("absent compact content frequent perfect")
"""Homographs that are seldom a verb."""
NOT_ADVERBS = words("apply rely reply supply imply multiply comply fly ally family only july italy bully belly")
"""Words in -ly that are no adverbs."""
INTENSIFIERS = words("very so too more most quite rather however perfectly utterly fairly extremely singularly")
"""Adverbs that strengthen an adjective."""
