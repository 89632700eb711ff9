"""The FIFO of outgoing psums at the head of a chain: its words leave one by one and make room for those of later tiles."""

from .program import PsumTile


class OutFifo:
    """The FIFO of every head, all of one size, reckoned for heads of the widest psum tile.

    It holds ``tiles`` whole psum tiles and ``rest`` words of one more.
    """

    def __init__(self, psum_tiles: list[PsumTile], words: int) -> None:
        self.psum_tiles = psum_tiles
        self.widest = max(max(tile.words.values()) for tile in psum_tiles)
        self.tiles, self.rest = divmod(max(words, self.widest), self.widest)

    def first(self, tile: PsumTile) -> int | None:
        """From when on the first word of a tile has room; None: not known yet."""
        if self.rest:
            return self._left(tile.number - self.tiles - 1, self.widest - self.rest + 1)
        return self._left(tile.number - self.tiles, 1)

    def last(self, tile: PsumTile) -> int | None:
        """From when on the last word of a tile has room, the others before it in the FIFO; None: not known yet."""
        return self._left(tile.number - self.tiles, self.widest - self.rest)

    def before(self, tile: PsumTile) -> PsumTile:
        """The tile that has to leave before all of ``tile`` has room: where its words were says why it waited."""
        return self.psum_tiles[tile.number - self.tiles]

    def _left(self, number: int, words: int) -> int | None:
        """When every head's first ``words`` of a tile have left, all of it where it has fewer; 0 if there is no such tile."""
        if number < 0:
            return 0
        left = self.psum_tiles[number].left
        return left[min(words, len(left)) - 1] if left else None
