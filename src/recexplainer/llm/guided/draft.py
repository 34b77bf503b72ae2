"""A text that is being written token by token under a guide: what may follow, and what is rewritten."""

from __future__ import annotations

from dataclasses import dataclass, field

from recexplainer.citations.phrases import QUOTES
from recexplainer.llm.guided.changes import Change
from recexplainer.llm.guided.guide import Guide
from recexplainer.llm.guided.tokens import TokenTexts
from recexplainer.llm.reading import Node

_MAX_CHANGES = 32  # values that did not hold and clauses that led nowhere; then a text ends, and is not shown


@dataclass(frozen=True)
class Written:
    """A text and how often its guide stepped in."""

    text: str
    n_titles: int  # titles where the writer itself would have written another token, or was not allowed to begin
    n_facts: int  # values that did not hold
    is_cut: bool  # it ran into the bound of tokens, or of changes


@dataclass
class _Choice:
    """What the writer is choosing among: the options that what it has written since `start` may become."""

    change: Change
    options: list[tuple[int, ...]]  # tokens by option, the closing mark not among them
    fitting: list[int]
    depth: int  # tokens of the options that are written
    head: str  # what the first token holds before the change
    first: int  # number of the first token


@dataclass
class Draft:
    """One text.

    Args:
        texts: What the vocabulary writes.
        guide: What the text may say; None: anything.
        begun: What precedes it in the answer.
        end: The token that ends it.
        max_tokens: At most so many, with the end.
        titles: Tokens of whole titles that may follow a quotation mark only; elsewhere they would pass the guide by.
    """

    texts: TokenTexts
    guide: Guide | None
    begun: str
    end: int
    max_tokens: int
    titles: frozenset[int] = frozenset()
    tokens: list[int] = field(default_factory=list)
    nodes: list[Node] = field(default_factory=list)
    is_finished: bool = False
    is_cut: bool = False
    n_read: int = 0  # tokens whose followers are known

    def __post_init__(self) -> None:
        self._root = Node()
        self._ends = [len(self.begun)]  # of the text, by the number of tokens
        self._text = self.begun
        self._choice: _Choice | None = None
        self._closing: tuple[Change, str, int, int] | None = None  # change, rest, number of its item, first token
        self._closed: dict[int, tuple[Change, str, int, int]] = {}  # by the token that closed it
        self._banned: dict[int, set[int]] = {}
        self._no_mark: set[int] = set()
        self._foreign: set[int] = set()  # tokens that the writer itself would not have written
        self._barred: set[int] = set()  # places where a title was not to begin without a mark
        self._spans: list[tuple[int, int]] = []  # first and last + 1 token of titles
        self.n_given_up = {"title": 0, "fact": 0}
        self.n_facts = 0

    # what may follow

    @property
    def allowed(self) -> list[int] | None:
        """The tokens that may follow; None: any but `banned`."""
        if self._closing:
            _, rest, _, _ = self._closing
            banned = self._banned.get(len(self.tokens), set())
            allowed = [token for token in self.texts.closing(rest) if token not in banned]
            return allowed or list(self.texts.closing(rest))
        if self._choice:
            choice = self._choice
            following = {
                choice.options[n][choice.depth] for n in choice.fitting if choice.depth < len(choice.options[n])
            }
            if any(len(choice.options[n]) == choice.depth for n in choice.fitting):
                if not choice.change.closing:  # what does not continue a longer option settles this one
                    return None
                following |= set(self.texts.closing(choice.change.closing))
            return sorted(following)
        return None

    @property
    def banned(self) -> set[int]:
        """Tokens that may not follow."""
        return self._banned.get(len(self.tokens), set())

    @property
    def bans_marks(self) -> bool:
        """Whether no quotation mark may follow."""
        return len(self.tokens) in self._no_mark

    @property
    def unread(self) -> list[Node]:
        """What the LLM has not read yet."""
        return self.nodes[self.n_read :]

    # what is written

    def take(self, token: int) -> None:
        """Write the next token."""
        if self._choice:
            self._take_choice(token)
        elif self._closing:
            self._take_closing(token)
        elif token == self.end:
            self._take_end()
        else:
            self._append(token)
            self._look(token)
        self._check_length()

    def saw(self, number: int, best: int) -> None:
        """The token that the writer itself would write as the n-th."""
        if number < len(self.tokens) and self.tokens[number] != best:
            self._foreign.add(number)

    def bar(self) -> None:
        """The writer itself would write a whole title next, without a quotation mark."""
        self._barred.add(len(self.tokens))

    def written(self) -> Written:
        """The finished text."""
        stepped_in = sum(any(start <= n < end for n in self._foreign) for start, end in self._spans)
        return Written(
            self.texts.decode(self.tokens).rstrip("\ufffd"),  # a letter that was cut
            stepped_in + len(self._barred) + self.n_given_up["title"],
            self.n_facts + self.n_given_up["fact"],
            self.is_cut,
        )

    def _take_end(self) -> None:
        change = self.guide.look(self._text, ended=True) if self.guide else None
        if change:
            self._change(change)
        else:
            self.is_finished = True

    def _look(self, token: int) -> None:
        if self.guide is None or self._is_amid_a_word(token):
            return
        change = self.guide.look(self._text)
        if change:
            self._change(change)

    def _is_amid_a_word(self, token: int) -> bool:
        """Whether nothing is decided by a token."""
        before = self._text[self._ends[-2] - 1 : self._ends[-2]]
        return self.texts.pieces[token][:1].isalnum() and not self.texts.has_mark[token] and before not in QUOTES

    def _change(self, change: Change) -> None:
        if self.n_facts + sum(self.n_given_up.values()) >= _MAX_CHANGES:
            self.is_finished = self.is_cut = True
            return
        first = self._token_at(change.start)
        head = self._text[self._ends[first] : change.start]
        if change.kind == "fact" and len(set(change.results)) == 1 and change.results[0] is not None:
            self._write(change, 0, head, first)
        elif len(set(change.results)) == 1:
            self._settle(change, 0, head, first)
        else:
            options = [self.texts.encode(head + option) for option in change.options]
            shared = _shared(options)
            self._replace(first, options[0][:shared])
            self._choice = _Choice(change, options, list(range(len(options))), shared, head, first)
            self._need_logits()

    def _take_choice(self, token: int) -> None:
        choice = self._choice
        assert choice is not None
        longer = [
            n
            for n in choice.fitting
            if choice.depth < len(choice.options[n]) and choice.options[n][choice.depth] == token
        ]
        choice.fitting = longer or [n for n in choice.fitting if len(choice.options[n]) == choice.depth]
        choice.depth += 1
        self._append(token)  # also where it settles the choice: what is given up has been written, up to this token
        if len({choice.change.results[n] for n in choice.fitting}) == 1:
            self._choice = None
            self._settle(choice.change, choice.fitting[0], choice.head, choice.first)

    def _settle(self, change: Change, number: int, head: str, first: int) -> None:
        if change.results[number] is None:
            self._give_up(change)
        else:
            self._write(change, number, head, first)

    def _write(self, change: Change, number: int, head: str, first: int) -> None:
        """Write a result; the last token of a title is left to the writer, who knows what stands behind it."""
        result = change.results[number]
        assert result is not None
        if change.kind == "fact":
            self.n_facts += 1
        whole = self.texts.encode(head + result + change.closing)
        kept = _shared([whole, self.texts.encode(head + result)])
        rest = (head + result + change.closing)[len(self.texts.decode(list(whole[:kept]))) :]
        closable = change.closing and self.texts.closing(rest)
        self._replace(first, whole[:kept] if closable else whole)
        if closable:
            self._closing = (change, rest, number, first)
            self._need_logits()
        else:
            self._wrote(change, number, first)

    def _take_closing(self, token: int) -> None:
        assert self._closing is not None
        change, _, number, first = self._closing
        self._closed[len(self.tokens)] = self._closing
        self._closing = None
        self._append(token)
        self._wrote(change, number, first)

    def _wrote(self, change: Change, number: int, first: int) -> None:
        assert self.guide is not None
        result = change.results[number]
        assert result is not None
        end = change.start + len(result) + len(change.closing)
        self.guide.wrote(change.start, end, change.items[number] if change.items else None)
        if change.kind == "title":
            self._spans.append((first, len(self.tokens)))

    def _give_up(self, change: Change) -> None:
        """Go back to where a clause began that leads nowhere: begin it otherwise, or end the sentence there."""
        self.n_given_up[change.kind] += 1
        place = self._token_at(change.back)
        has_ways = change.kind == "title" and self._text[: change.back].endswith((*QUOTES, "."))  # to go on otherwise
        if change.stop is not None and (not has_ways or place in self._banned):
            self._stop(change)
        else:
            self._ban(place, change)

    def _ban(self, place: int, change: Change) -> None:
        token, closed = self.tokens[place], self._closed.get(place)
        self._banned.setdefault(place, set()).add(token)
        if change.kind == "title" and bool(self.texts.has_mark[token]):
            self._no_mark.add(place)
        self._replace(place, ())
        self._closing = closed
        self._need_logits()

    def _stop(self, change: Change) -> None:
        """End the sentence, or the text where a sentence has ended."""
        assert self.guide is not None and change.stop is not None
        if not change.stop:
            self._replace(self._token_at(change.back), ())
            self.is_finished = True
            return
        titles = [title for title in self.guide.titles if title.end <= change.back]
        last = self._token_at(change.back - 1)
        spans = [span for span in self._spans if span[1] <= last + 1]
        self._replace(last, self.texts.encode(self._text[self._ends[last] : change.back] + change.stop))
        self._need_logits()
        self.guide.titles, self._spans = titles, spans

    # tokens

    def _replace(self, first: int, tokens: tuple[int, ...]) -> None:
        """Cut the text at a token and write others; what is the same already stays."""
        same = 0
        while same < len(tokens) and first + same < len(self.tokens) and self.tokens[first + same] == tokens[same]:
            same += 1
        keep = first + same
        self.tokens, self.nodes = self.tokens[:keep], self.nodes[:keep]
        self._ends = self._ends[: keep + 1]
        self._text = self._text[: self._ends[-1]]
        self.n_read = min(self.n_read, keep)
        self._foreign, self._barred = ({n for n in told if n < keep} for told in (self._foreign, self._barred))
        self._spans = [span for span in self._spans if span[1] <= keep]
        self._closed = {place: closed for place, closed in self._closed.items() if place < keep}
        self._banned = {place: tokens for place, tokens in self._banned.items() if place <= keep}
        self._no_mark = {place for place in self._no_mark if place <= keep}
        if self.guide:
            self.guide.rewind(self._ends[min(first, keep)])
        for token in tokens[same:]:
            self._append(token)

    def _append(self, token: int) -> None:
        self.tokens.append(token)
        self.nodes.append(Node(token, self.nodes[-1] if self.nodes else self._root))
        piece = self.texts.pieces[token]
        if "\ufffd" in piece or self._text.endswith("\ufffd"):
            self._text = self.begun + self.texts.decode(self.tokens)
        else:
            self._text += piece
        self._ends.append(len(self._text))

    def _need_logits(self) -> None:
        """Where the last token was read before, it is read again: its followers were not kept."""
        if self.tokens and self.n_read == len(self.tokens):
            self.nodes[-1] = Node(self.tokens[-1], self.nodes[-2] if len(self.nodes) > 1 else self._root)
            self.n_read -= 1

    def _token_at(self, place: int) -> int:
        """The number of the token that writes the letter at a place."""
        return next((n for n in range(len(self.tokens)) if self._ends[n + 1] > place), len(self.tokens) - 1)

    def _check_length(self) -> None:
        if self.is_finished or len(self.tokens) < self.max_tokens:
            return
        self.is_finished = self.is_cut = True
        open_at = self._choice.first if self._choice else self._closing[3] if self._closing else None
        unfinished = [start for start, end in self._spans if end > self.max_tokens]
        if open_at is not None or unfinished:
            self.tokens = self.tokens[: open_at if open_at is not None else unfinished[0]]
        self.tokens = self.tokens[: self.max_tokens]


def _shared(sequences: list[tuple[int, ...]]) -> int:
    """How many first tokens all sequences have in common."""
    return next(
        (n for n, column in enumerate(zip(*sequences, strict=False)) if len(set(column)) > 1),
        min(map(len, sequences)),
    )
