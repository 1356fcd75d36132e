"""Audio files of a directory as a dataset."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import numpy as np

from kerasish.utils.directory_index import directory_dataset

_ZEROS_EACH_SIDE = 16  # of the sinc that resampling weights neighbors with


def audio_dataset_from_directory(
    directory: str | os.PathLike,
    labels: Any = "inferred",
    label_mode: str | None = "int",
    class_names: Sequence[str] | None = None,
    batch_size: int | None = 32,
    sampling_rate: int | None = None,
    output_sequence_length: int | None = None,
    ragged: bool = False,
    shuffle: bool = True,
    seed: int | None = None,
    validation_split: float | None = None,
    subset: str | None = None,
    follow_links: bool = False,
    verbose: bool = True,
) -> Any:
    """Return the `.wav` files of a directory as a dataset. Files are 16-bit PCM.

    Example:

    ```python
    # words/no/*.wav are class 0, words/yes/*.wav are class 1
    train = keras.utils.audio_dataset_from_directory("words", output_sequence_length=16000)
    sounds, numbers = train[0]  # float32 of shape (32, 16000, channels) between -1 and 1; int32 of shape (32,)
    ```

    Args:
        directory: Where the files are, those of a class in a folder of its name.
        labels: `"inferred"` from the folders, a list with one class number for each file in the order of their sorted
            paths, or None for no labels.
        label_mode: `"int"` for class numbers, `"categorical"` for one-hot vectors, `"binary"` for 0.0 and 1.0, or None
            for no labels.
        class_names: The folders that are used, in the order of their numbers; all, sorted, where None.
        batch_size: Files in a batch; None for single files.
        sampling_rate: Samples a second that all files are brought to; that of the file where None.
        output_sequence_length: Samples of a file that are kept, before resampling; shorter files end in silence.
            Where None, files of a batch are filled up with silence to the longest.
        ragged: Whether a batch is an array (dtype object) of files of several lengths instead.
        shuffle: Whether files come in random order, another one in every pass.
        seed: Seed of the order.
        validation_split: Fraction of the files that is kept for validation.
        subset: `"training"`, `"validation"` or `"both"`, with `validation_split` only.
        follow_links: Whether folders behind symbolic links are looked into.
        verbose: Whether to say how many files there are.

    Returns:
        A dataset of `(sounds, labels)` or of sounds: float32 of shape `(batch, samples, channels)`. A list of two
        datasets for `subset="both"`.

    Raises:
        ValueError: If arguments do not fit each other, the directory or its files.
    """
    if ragged and output_sequence_length is not None:
        raise ValueError("Cannot set both `ragged` and `output_sequence_length`")
    for name, value in (("sampling_rate", sampling_rate), ("output_sequence_length", output_sequence_length)):
        if value is not None and (not isinstance(value, int) or value <= 0):
            raise ValueError(f"`{name}` should be a positive integer. Received: {name}={value}")

    def read(paths: list[str]) -> np.ndarray:
        sounds = [_read(path, sampling_rate, output_sequence_length) for path in paths]
        if ragged:
            batch = np.empty(len(sounds), dtype=object)
            batch[:] = sounds
            return batch
        length, channels = np.max([sound.shape for sound in sounds], axis=0)
        if any(sound.shape[1] != channels for sound in sounds):
            raise ValueError(
                "The files of a batch must have as many channels. "
                f"Received: { ({p: s.shape[1] for p, s in zip(paths, sounds, strict=True)}) }"
            )
        padded = np.zeros((len(sounds), length, channels), "float32")
        for row, sound in zip(padded, sounds, strict=True):
            row[: len(sound)] = sound
        return padded

    return directory_dataset(
        directory,
        read,
        (".wav",),
        labels,
        label_mode,
        class_names,
        batch_size,
        shuffle,
        seed,
        validation_split,
        subset,
        follow_links,
        "tf",
        verbose,
    )


def _read(path: str, sampling_rate: int | None, length: int | None) -> np.ndarray:
    """Return a file's samples between -1 and 1, of shape (samples, channels)."""
    import wave

    try:
        with wave.open(path) as file:
            channels, width, rate = file.getnchannels(), file.getsampwidth(), file.getframerate()
            data = file.readframes(file.getnframes() if length is None else length)
    except (wave.Error, EOFError) as error:
        raise ValueError(f"File {path!r} is no WAV file of PCM samples: {error}") from error
    if width != 2:
        raise ValueError(
            f"File {path!r} has samples of {8 * width} bits, expected 16. Convert it to 16-bit PCM first."
        )
    sound = np.frombuffer(data, "<i2").reshape(-1, channels).astype("float32") / 32768
    if length is not None and len(sound) < length:
        sound = np.concatenate([sound, np.zeros((length - len(sound), channels), "float32")])
    return sound if sampling_rate in (None, rate) else _resampled(sound, sampling_rate / rate)  # type: ignore[operator]


def _resampled(sound: np.ndarray, ratio: float) -> np.ndarray:
    """Return a sound with `ratio` times as many samples, by a windowed sinc that leaves out what is too high."""
    cutoff = min(1.0, ratio)
    reach = int(np.ceil(_ZEROS_EACH_SIDE / cutoff))
    count = int(np.ceil(len(sound) * ratio))
    result = np.empty((count, sound.shape[1]), "float32")
    padded = np.pad(sound, ((reach, reach + 1), (0, 0)))
    steps = np.arange(-reach, reach + 1)
    for start in range(0, count, 4096):  # a part at a time: each result has some dozen neighbors
        places = np.arange(start, min(start + 4096, count)) / ratio
        whole = np.floor(places).astype("int64")
        distances = (whole[:, None] + steps - places[:, None]) * cutoff
        window = np.cos(np.clip(distances / (_ZEROS_EACH_SIDE + 1), -1, 1) * (np.pi / 2)) ** 2
        weights = cutoff * np.sinc(distances) * window
        result[start : start + len(places)] = np.einsum(
            "ps,psc->pc", weights, padded[whole[:, None] + steps + reach]
        )
    return result
