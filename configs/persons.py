"""Names of annotation categories that mean people."""

from __future__ import annotations

PERSONS = (
    *("person", "persons", "people", "human", "humans", "human body", "individual", "individuals", "crowd"),
    *("person group", "group of people", "people group", "ridergroup", "persongroup"),
    *("pedestrian", "pedestrians", "passerby", "passersby", "bystander", "bystanders", "passenger", "passengers"),
    *("rider", "riders", "cyclist", "cyclists", "bicyclist", "bicyclists", "motorcyclist", "motorcyclists", "biker"),
    *("bikers", "driver", "drivers", "skateboarder", "skateboarders", "skater", "skaters", "skier", "skiers"),
    *("snowboarder", "snowboarders", "surfer", "surfers", "swimmer", "swimmers"),
    *("man", "men", "woman", "women", "boy", "boys", "girl", "girls", "child", "children", "kid", "kids", "baby"),
    *(
        "babies",
        "infant",
        "infants",
        "toddler",
        "toddlers",
        "teen",
        "teens",
        "teenager",
        "teenagers",
        "adult",
        "adults",
    ),
    *("male", "males", "female", "females", "lady", "ladies", "gentleman", "gentlemen", "guy", "guys"),
    *("worker", "workers", "officer", "officers", "policeman", "policemen", "policewoman", "police officer", "soldier"),
    *("soldiers", "firefighter", "firefighters", "player", "players", "athlete", "athletes", "referee", "spectator"),
    *("spectators", "tourist", "tourists", "customer", "customers", "student", "students", "teacher", "teachers"),
    *("visitor", "visitors", "dancer", "dancers", "bride", "groom", "waiter", "waiters", "waitress", "farmer"),
    *("farmers", "vendor", "vendors", "jogger", "joggers", "nurse", "nurses", "patient", "patients", "security guard"),
    *("persona", "personas", "peatón", "peatones", "personne", "personnes", "piéton", "piétons", "pessoa", "pessoas"),
    *("pedestre", "pedestres", "persone", "pedone", "pedoni", "mensch", "menschen", "fußgänger", "personen", "persoon"),
    *("mensen", "osoba", "osoby", "insan", "человек", "люди", "пешеход", "人", "行人", "人物", "사람", "보행자"),
)
"""Case, `_` and `-` do not count. A name of several parts (`human.pedestrian.adult`, `person/rider`) means people when
one of its parts does."""
