"""Tunes as sound: notes as of a plucked string, and a player for them."""

from __future__ import annotations

import base64
import html
import io
import os
import wave
from typing import Any

import numpy as np
import numpy.typing as npt

from d2lib._checks import check_positive, check_positive_int
from d2lib.music.abc import Tune, notes
from d2lib.music.notebook import Html

__all__ = ["play", "save_wav", "synthesize", "wav_bytes"]

_LONGEST = 600  # seconds


def synthesize(
    notes: Any, tempo: float = 160, sample_rate: int = 22050
) -> npt.NDArray[np.float32]:
    r"""Computes the sound of notes as on a plucked string.

    A note of frequency :math:`f` is a sum of a few harmonics, of which the higher ones
    are weaker and die away sooner:

    .. math:: s(t) = \sum_{h=1}^{6} \frac{1}{h^{1.3}}\, e^{-(1.5 + h)\,t}
              \sin(2\pi h f t), \qquad f = 440 \cdot 2^{(p - 69) / 12}

    It fades in within 4 ms and out within 30 ms, so that nothing clicks.

    Args:
        notes: shape (n, 3): start and duration in quarter notes, and MIDI pitch, as
            `notes` returns them.
        tempo: how many quarter notes a minute has.
        sample_rate: how many samples a second has.

    Returns:
        float32 (samples,), the loudest one 0.8. No notes give 0.1 seconds of silence.

    Raises:
        ValueError: notes are not (n, 3) finite numbers, start before 0 or do not last,
            or tempo or sample_rate is not positive, or the sound takes over 10 minutes.

    Example:
        >>> wave = synthesize([[0, 1, 69], [1, 1, 76]], tempo=120)
        >>> wave.dtype, round(len(wave) / 22050, 2)
        (dtype('float32'), 1.1)
    """
    tempo = check_positive(tempo, "tempo")
    sample_rate = check_positive_int(sample_rate, "sample_rate")
    rows = np.asarray(notes, dtype=np.float64)
    if rows.size == 0:
        return np.zeros(sample_rate // 10, np.float32)
    if rows.ndim != 2 or rows.shape[1] != 3 or not np.isfinite(rows).all():
        raise ValueError(
            "synthesize needs notes of shape (n, 3), finite numbers, got shape "
            f"{rows.shape}: pass notes(abc)"
        )
    starts, lengths = rows[:, 0] * 60 / tempo, rows[:, 1] * 60 / tempo
    if starts.min() < 0 or lengths.min() <= 0:
        raise ValueError(
            "synthesize needs notes that start at 0 or later and last, got a start of "
            f"{rows[:, 0].min():g} and a duration of {rows[:, 1].min():g}"
        )
    seconds = (starts + lengths).max() + 0.1
    if seconds > _LONGEST:
        raise ValueError(
            f"the notes sound for {seconds:.0f} seconds, more than {_LONGEST}: "
            "take fewer of them, or a higher tempo"
        )
    sound = np.zeros(round(seconds * sample_rate))
    for start, length, pitch in zip(starts, lengths, rows[:, 2], strict=True):
        first = round(start * sample_rate)
        t = np.arange(min(round(length * sample_rate), len(sound) - first))
        t = t / sample_rate
        frequency = 440 * 2 ** ((pitch - 69) / 12)
        tone = np.zeros(len(t))
        for h in range(1, 7):
            if h * frequency < sample_rate / 2:  # higher ones would sound as lower ones
                tone += (
                    h**-1.3
                    * np.exp(-(1.5 + h) * t)
                    * np.sin(2 * np.pi * h * frequency * t)
                )
        tone *= np.clip(t / 0.004, 0, 1) * np.clip((length - t) / 0.03, 0, 1)
        sound[first : first + len(t)] += tone
    loudest = np.abs(sound).max()
    return (0.8 * sound / loudest if loudest > 0 else sound).astype(np.float32)


def wav_bytes(sound: Any, sample_rate: int = 22050) -> bytes:
    """Packs a sound into a WAV file of one channel and 16 bits, in memory.

    Args:
        sound: samples from -1 to 1, shape (samples,).
        sample_rate: how many of them a second has.

    Returns:
        What the file holds.

    Raises:
        ValueError: the sound is not of shape (samples,), or leaves [-1, 1].

    Example:
        >>> wav_bytes(synthesize([[0, 1, 69]]))[:4]
        b'RIFF'
    """
    sample_rate = check_positive_int(sample_rate, "sample_rate")
    samples = np.asarray(sound, dtype=np.float64)
    if samples.ndim != 1:
        raise ValueError(f"a sound has shape (samples,), got {samples.shape}")
    if not np.all(np.abs(samples) <= 1):
        raise ValueError(
            f"a sound lies in [-1, 1], got up to {np.abs(samples).max():g}: divide it "
            "by its loudest sample"
        )
    packed = io.BytesIO()
    with wave.open(packed, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(sample_rate)
        file.writeframes(np.round(samples * 32767).astype("<i2").tobytes())
    return packed.getvalue()


def save_wav(
    path: str | os.PathLike[str], sound: Any, sample_rate: int = 22050
) -> None:
    """Writes a sound to a WAV file, see `wav_bytes`."""
    content = wav_bytes(sound, sample_rate)
    with open(path, "wb") as file:
        file.write(content)


def play(
    abc: str | Tune, tempo: float = 160, seconds: float = 12, label: str = "A tune"
) -> Html:
    r"""Shows a player for a tune, with the sound inside the page.

    The sound has 11,025 samples a second: 12 seconds of it make a page 350 kB larger.

    Args:
        abc: a tune in ABC, or one that has been read.
        tempo: how many quarter notes a minute has.
        seconds: where to stop; the sound fades out.
        label: what the player is called for readers who hear the page.

    Returns:
        The player, which a notebook shows if it is the last line of a cell.

    Raises:
        ABCError: the text can't be read.
        ValueError: tempo or seconds is not positive.

    Example:
        >>> player = play("M:2/4\nL:1/8\nK:D\nDF AF|D4|", label="A scale")
        >>> "<audio controls" in player
        True
    """
    seconds = check_positive(seconds, "seconds")
    rate = 11025
    rows = notes(abc)
    rows = rows[rows[:, 0] * 60 / check_positive(tempo, "tempo") < seconds]
    sound = synthesize(rows, tempo, rate)[: round(seconds * rate)]
    if len(rows) and rows[:, :2].sum(axis=1).max() * 60 / tempo > seconds:
        fade = min(len(sound), rate // 2)
        sound[-fade:] *= np.linspace(1, 0, fade, dtype=np.float32)
    data = base64.b64encode(wav_bytes(sound, rate)).decode("ascii")
    label = html.escape(label, quote=True)
    return Html(
        f'<audio controls preload="metadata" aria-label="{label}" '
        'style="width: 100%; max-width: 30rem" '
        f'src="data:audio/wav;base64,{data}"></audio>'
    )
