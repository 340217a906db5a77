"""Which captions speak of people."""

from __future__ import annotations

import re

WORDS = frozenset(
    """
    adult adults audience baby babies band batter batters bicyclist bicyclists biker bikers boy boys bride brother
    brothers catcher catchers chef chefs child children couple couples cowboy cowboys crew crowd crowds cyclist cyclists
    dad daughter driver drivers everybody everyone face faces families family fan fans farmer farmers father feet female
    females finger fingers firefighter firefighters fisherman fishermen friend friends gentleman gentlemen girl girls
    goalie groom guy guys hand hands he her hers herself him himself his human humans husband infant infants individual
    individuals kid kids ladies lady male males man men mom mother motorcyclist motorcyclists officer officers
    passenger passengers pedestrian pedestrians people person persons pitcher player players police policeman policemen
    rider riders selfie selfies she skateboarder skateboarders skater skaters skier skiers snowboarder snowboarders
    soldier soldiers somebody someone son spectator spectators student students surfer surfers swimmer swimmers teacher
    team teams teen teenager teenagers teens their them they toddler toddlers tourist tourists traveler travelers umpire
    umpires vendor vendors waiter waitress wife woman women worker workers
    """.split()  # noqa: SIM905  (readable)
)
"""English words for people, what they are when they are in photos, their hands and faces, and the pronouns.

A caption that is marked without need costs somebody a look; one that is not marked speaks of people who are gone. So
the list errs towards marking ("a cow and *her* calf").
"""
_WORD = re.compile(r"[a-z]+")


def mentions_people(caption: str) -> bool:
    """Whether a caption has one of `WORDS` as a whole word; case does not count."""
    return any(word in WORDS for word in _WORD.findall(caption.casefold()))
