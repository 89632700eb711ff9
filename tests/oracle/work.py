"""The work of one PE in one step: its MACs in order, each as soon as its weight and its input are there."""

from dataclasses import dataclass

from .nest import Marks
from .program import Step


@dataclass(frozen=True)
class Word:
    """A new word of a PE's step: its place on the bus, when it is there, the working cycle that first needs it."""

    stream: str
    place: int
    there: int
    needed: int
    marks: Marks

    @property
    def late(self) -> int:
        """The cycle before which its step cannot have begun, had it waited for this word alone."""
        return self.there - self.needed


def new_words(step: Step, pe: int) -> list[Word]:
    """What came to a PE for a step, weights first."""
    return [
        Word(name, words.places[pe][i], there, words.needed[pe][i], marks)
        for name, words in sorted(step.new.items(), reverse=True)
        for i, (there, marks) in words.there.get(pe, {}).items()
    ]


def last_mac(step: Step, pe: int, begin: int) -> int:
    """The end of a step that begins at ``begin``: a working cycle is done when all words first needed in it are there."""
    complete: dict[int, int] = {}
    for word in new_words(step, pe):
        complete[word.needed] = max(complete.get(word.needed, 0), word.there)
    time = begin
    for working_cycle in range(step.cycles[pe]):
        time = max(time, complete.get(working_cycle, 0)) + 1
    return time


def waited_for(step: Step, pe: int, cycles: int) -> tuple[str, int, int, Marks]:
    """Which stall a step's wait of ``cycles`` is, from when until when, and where the missing word was.

    The word that came latest for its working cycle names it, as if all of the wait had been right before it came;
    ties: the weight, then the word that crossed first.
    """
    word = min(new_words(step, pe), key=lambda word: (-word.late, word.stream != "weight", word.place))
    return f"stall_{word.stream}", word.there - cycles, word.there, word.marks
