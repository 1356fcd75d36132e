"""Datasets from directories and time series, and datasets split in two."""

from __future__ import annotations

import io
import random

import numpy as np
import pytest

import kerasish
from kerasish import preprocessing, utils
from kerasish.autograd import Tensor


@pytest.fixture
def texts(tmp_path):
    for name, count in (("neg", 5), ("pos", 6), (".hidden", 1)):
        (tmp_path / name / "deep").mkdir(parents=True)
        for number in range(count):
            folder = tmp_path / name / ("deep" if number == 3 else "")
            (folder / f"{number}.txt").write_text(f"{name} {number} é", encoding="utf-8")
        (tmp_path / name / "notes.md").write_text("no sample")
    return tmp_path


@pytest.fixture
def photos(tmp_path):
    image = pytest.importorskip("PIL.Image")
    rng = np.random.default_rng(0)
    for name, shape in (("cats", (8, 6, 3)), ("dogs", (5, 7, 3)), ("eels", (4, 4))):
        (tmp_path / name).mkdir()
        for number in range(3):
            image.fromarray(rng.integers(0, 256, shape, dtype="uint8")).save(
                tmp_path / name / f"{number}.png"
            )
    return tmp_path


@pytest.mark.parametrize("labels", ["inferred", None, "given"])
@pytest.mark.parametrize("shuffle", [False, True])
@pytest.mark.parametrize("class_names", [None, ["pos", "neg"]])
def test_files_come_in_the_order_of_keras(oracle, texts, labels, shuffle, class_names):
    from keras.src.utils import dataset_utils

    from kerasish.utils.directory_index import index_directory

    if class_names and labels != "inferred":
        pytest.skip("names are for inferred labels")
    given = [i % 3 for i in range(12)] if labels == "given" else labels
    arguments = (texts, given, (".txt",), class_names, shuffle, 3)
    paths, numbers, names = index_directory(*arguments, verbose=False)
    expected = dataset_utils.index_directory(str(texts), *arguments[1:], verbose=False)
    assert [p.rstrip("/") for p in paths] == expected[0]
    assert (None if numbers is None else list(numbers)) == (
        None if expected[1] is None else list(expected[1])
    )
    assert names == expected[2]


def test_texts_of_a_directory(texts, capsys):
    dataset = utils.text_dataset_from_directory(texts, batch_size=4, shuffle=False)
    assert capsys.readouterr().out == "Found 11 files belonging to 2 classes.\n"
    assert len(dataset) == 3 and dataset.class_names == ["neg", "pos"] and len(dataset.file_paths) == 11
    batches = list(dataset)
    assert [len(x) for x, _ in batches] == [4, 4, 3] and batches[0][1].dtype == "int32"
    read = {text: label for x, y in batches for text, label in zip(x, y, strict=True)}
    assert read == {
        f"{name} {i} é": label for label, (name, n) in enumerate((("neg", 5), ("pos", 6))) for i in range(n)
    }
    short = utils.text_dataset_from_directory(
        texts, batch_size=None, max_length=5, labels=None, verbose=False
    )
    assert sorted(short)[:2] == [".hidd", "neg 0"] and len(short) == 12  # a hidden folder is no class


@pytest.mark.parametrize(
    ("mode", "shape", "dtype"),
    [("int", (3,), "int32"), ("binary", (3, 1), "float32"), ("categorical", (3, 2), "float32")],
)
def test_modes_of_labels(texts, mode, shape, dtype):
    _, labels = utils.text_dataset_from_directory(
        texts, label_mode=mode, batch_size=3, seed=0, verbose=False
    )[0]
    assert labels.shape == shape and labels.dtype == dtype


def test_parts_of_a_directory_do_not_overlap(texts, capsys):
    options = dict(validation_split=0.3, seed=4, batch_size=2)
    train, held = utils.text_dataset_from_directory(texts, subset="both", **options)
    assert "Using 8 files for training.\nUsing 3 files for validation." in capsys.readouterr().out
    assert not {*train.file_paths} & {*held.file_paths} and len(train.file_paths) == 8
    for subset, expected in (("training", train), ("validation", held)):
        alone = utils.text_dataset_from_directory(texts, subset=subset, verbose=False, **options)
        assert alone.file_paths == expected.file_paths
    orders = [[text for x, _ in train for text in x] for _ in range(3)]
    assert orders[0] != orders[1] and sorted(orders[0]) == sorted(orders[1])
    orders = [[text for x, _ in held for text in x] for _ in range(2)]
    assert orders[0] == orders[1]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (dict(labels="all"), "`labels` argument should be a list/tuple"),
        (dict(labels=[0, 1]), r"len\(labels\) is 2 while we found 12 files"),
        (dict(labels=None, class_names=["neg"]), "You can only pass `class_names`"),
        (dict(class_names=["none"]), r"Expected: \['neg', 'pos'\] .*class_names=\['none'\]"),
        (dict(class_names=["neg"], label_mode="binary"), "exactly 2 class_names"),
        (dict(label_mode="one-hot"), "`label_mode` argument must be one of"),
        (dict(validation_split=2, subset="both", seed=1), "must be between 0 and 1, received: 2"),
        (dict(validation_split=0.5), "If `subset` is set"),
        (dict(validation_split=0.5, subset="test", seed=1), "received: test"),
        (dict(validation_split=0.5, subset="both"), "you must provide a `seed`"),
        (dict(batch_size=0), "`batch_size` must be a positive integer"),
        (dict(format="torch"), "format=torch"),
    ],
)
def test_wrong_arguments_for_directories(texts, options, message):
    with pytest.raises(ValueError, match=message):
        utils.text_dataset_from_directory(texts, verbose=False, **options)


def test_directories_without_files(tmp_path):
    with pytest.raises(ValueError, match=r"No files found in directory .*Allowed formats: \('.txt',\)"):
        utils.text_dataset_from_directory(tmp_path, verbose=False)
    with pytest.raises(FileNotFoundError):
        utils.text_dataset_from_directory(tmp_path / "nowhere")


def test_images_of_a_directory(photos):
    dataset = preprocessing.image_dataset_from_directory(
        photos, label_mode="categorical", image_size=(6, 5), batch_size=4, seed=1, verbose=False
    )
    images, labels = dataset[0]
    assert images.shape == (4, 6, 5, 3) and images.dtype == "float32" and labels.shape == (4, 3)
    assert 1 < images.max() <= 255 and len(dataset) == 3
    model = kerasish.Sequential([kerasish.layers.Flatten(), kerasish.layers.Dense(3, "softmax")])
    model.compile("sgd", "categorical_crossentropy")
    assert len(model.fit(dataset, epochs=2, verbose=0).history["loss"]) == 2
    gray = utils.image_dataset_from_directory(
        photos, labels=None, color_mode="grayscale", image_size=8, data_format="channels_first", verbose=False
    )
    assert gray[0].shape == (9, 1, 8, 8)


def test_images_keep_their_proportions_where_asked_for(photos):
    options = dict(image_size=(4, 4), interpolation="nearest", shuffle=False, batch_size=1, verbose=False)
    path = photos / "cats" / "0.png"
    original = utils.img_to_array(utils.load_img(path))
    cropped = utils.image_dataset_from_directory(photos, crop_to_aspect_ratio=True, **options)[0][0][0]
    reference = utils.load_img(path).crop((0, 1, 6, 7)).resize((4, 4), 0)
    np.testing.assert_array_equal(cropped, utils.img_to_array(reference))
    options["image_size"] = 8
    padded = utils.image_dataset_from_directory(photos, pad_to_aspect_ratio=True, **options)[0][0][0]
    assert original.shape == (8, 6, 3) and (padded[:, [0, -1]] == 0).all()
    np.testing.assert_array_equal(padded[:, 1:-1], original)
    for wrong, message in (
        (dict(crop_to_aspect_ratio=True, pad_to_aspect_ratio=True), "Only one of"),
        (dict(color_mode="cmyk"), "color_mode=cmyk"),
        (dict(image_size=(1, 2, 3)), "Expected a tuple of 2 integers"),
        (dict(interpolation="sinc"), "interpolation=sinc"),
    ):
        with pytest.raises(ValueError, match=message):
            utils.image_dataset_from_directory(photos, **{**options, **wrong})


@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("scale", [False, True])
def test_images_and_arrays_as_in_keras(oracle, tmp_path, data_format, channels, scale):
    pytest.importorskip("PIL")
    shape = (5, 4, channels) if data_format == "channels_last" else (channels, 5, 4)
    array = np.random.default_rng(1).uniform(0, 200, shape)
    results = []
    for keras in (kerasish, oracle):
        image = keras.utils.array_to_img(array, data_format, scale=scale)
        path = tmp_path / f"{keras.__name__}.png"
        keras.utils.save_img(path, array, data_format, scale=scale)
        mode = {1: "grayscale", 3: "rgb", 4: "rgba"}[channels]
        loaded = keras.utils.load_img(io.BytesIO(path.read_bytes()), color_mode=mode)
        resized = keras.utils.load_img(str(path), mode, (3, 5), "bilinear", keep_aspect_ratio=True)
        results.append(
            [image.mode, *(keras.utils.img_to_array(i, data_format) for i in (image, loaded, resized))]
        )
    for ours, theirs in zip(*results, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_images_that_are_refused(tmp_path):
    pytest.importorskip("PIL")
    for call, message in (
        (lambda: utils.array_to_img(np.ones((3, 3))), r"rank 3 .*\(3, 3\)"),
        (lambda: utils.array_to_img(np.ones((3, 3, 2))), "Unsupported channel number: 2"),
        (lambda: utils.img_to_array(np.ones(3)), r"Unsupported image shape: \(3,\)"),
        (lambda: utils.load_img(tmp_path / "a.png", "cmyk"), "color_mode must be"),
    ):
        with pytest.raises(ValueError, match=message):
            call()
    with pytest.raises(TypeError, match="path should be path-like"):
        utils.load_img(3)
    with pytest.warns(UserWarning, match="JPEG format does not support RGBA"):
        utils.save_img(tmp_path / "a.jpg", np.ones((3, 3, 4)))
    with pytest.raises(ValueError, match="Invalid interpolation method cubic"):
        utils.load_img(tmp_path / "a.jpg", target_size=(2, 2), interpolation="cubic")


@pytest.mark.parametrize("targets", [False, True])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"sequence_stride": 3, "sampling_rate": 2},
        {"start_index": 5, "end_index": 30},
        {"batch_size": None},
    ],
)
def test_windows_of_a_time_series(targets, options):
    data = np.arange(40) * 10
    values = data + 1 if targets else None
    dataset = utils.timeseries_dataset_from_array(data, values, 4, **{"batch_size": 8, **options})
    rate, stride, begin = (
        options.get("sampling_rate", 1),
        options.get("sequence_stride", 1),
        options.get("start_index", 0),
    )
    end = options.get("end_index", 40)
    starts = range(begin, end - 3 * rate, stride)
    parts = [batch if targets else (batch, batch) for batch in dataset]
    join = np.concatenate if options.get("batch_size", 8) else np.stack
    np.testing.assert_array_equal(
        join([x for x, _ in parts]), [[10 * (s + i * rate) for i in range(4)] for s in starts]
    )
    if targets:
        np.testing.assert_array_equal(join([y for _, y in parts]), [10 * s + 1 for s in starts])


def test_windows_are_shuffled_by_a_seed():
    data = np.arange(100, dtype="float32")[:, None]
    datasets = [
        utils.timeseries_dataset_from_array(data, None, 5, batch_size=16, shuffle=True, seed=seed)
        for seed in (1, 1, 2)
    ]
    firsts = [np.concatenate(list(dataset))[:, 0, 0] for dataset in datasets]
    assert (firsts[0] == firsts[1]).all() and (firsts[0] != firsts[2]).any()
    assert sorted(firsts[0]) == sorted(firsts[2]) == list(range(96))
    assert (np.concatenate(list(datasets[0]))[:, 0, 0] != firsts[0]).any()
    with pytest.raises(IndexError, match="has 6 batches. Received: index=6"):
        datasets[0][6]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"start_index": 10}, "`start_index` must be 0 or greater and lower"),
        ({"start_index": 5, "end_index": 4}, "`end_index` must be higher than `start_index`"),
        ({"sampling_rate": 0}, "`sampling_rate` must be higher than 0"),
        ({"sequence_stride": 10}, "`sequence_stride` must be .* lower than the length"),
        ({"sequence_length": 0}, "`sequence_length` must be higher than 0"),
        ({"sequence_length": 11}, "No window fits into the data: 10 values"),
        ({"format": "torch"}, "`format` should be either"),
    ],
)
def test_wrong_arguments_for_time_series(options, message):
    with pytest.raises(ValueError, match=message):
        utils.timeseries_dataset_from_array(np.arange(10), None, **{"sequence_length": 2, **options})


def test_one_dataset_becomes_two():
    x, y = np.arange(20).reshape(10, 2), np.arange(10)
    left, right = utils.split_dataset((x, y), left_size=0.7)
    assert isinstance(left, tuple) and len(left[0]) == len(left[1]) == 7
    np.testing.assert_array_equal(right[1], [7, 8, 9])
    left, right = utils.split_dataset({"x": Tensor(x), "y": y}, right_size=4)
    assert len(left["y"]) == 6 and (right["x"] == x[6:]).all()
    left, right = utils.split_dataset(y, 3, 2)
    assert (list(left), list(right)) == ([0, 1, 2], [8, 9])
    order = list(range(10))
    random.Random(5).shuffle(order)
    left, right = utils.split_dataset(y, 0.5, shuffle=True, seed=5)
    assert [*left, *right] == order
    samples = [(np.ones(3) * i, i) for i in range(6)]
    (x_left, y_left), _ = utils.split_dataset(samples, 4)
    assert x_left.shape == (4, 3) and list(y_left) == [0, 1, 2, 3]


@pytest.mark.parametrize(
    "sizes", [(0.8, None), (None, 0.25), (0.5, 0.5), (3, None), (3, 5), (None, 7), (0.31, 0.69), (2, 0.5)]
)
def test_sizes_are_those_of_keras(oracle, sizes):
    from keras.src.utils.dataset_utils import _rescale_dataset_split_sizes

    left, right = utils.split_dataset(np.arange(13), *sizes)
    assert (len(left), len(right)) == _rescale_dataset_split_sizes(*sizes, 13)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: utils.split_dataset(np.ones(4)), ValueError, "At least one of the `left_size`"),
        (lambda: utils.split_dataset(np.ones(4), "2"), TypeError, "Invalid `left_size` Type"),
        (lambda: utils.split_dataset(np.ones(4), 4), ValueError, "integer smaller than 4"),
        (lambda: utils.split_dataset(np.ones(4), 0.7, 0.7), ValueError, "greater than 1"),
        (lambda: utils.split_dataset(np.ones(4), 3, 2), ValueError, "smaller than the 4 samples"),
        (lambda: utils.split_dataset(np.ones(4), 0.1), ValueError, "left side dataset split will be empty"),
        (lambda: utils.split_dataset((np.ones(4), np.ones(3)), 1), ValueError, r"lengths: \[3, 4\]"),
        (lambda: utils.split_dataset("text", 1), TypeError, "must be an array, a structure"),
    ],
)
def test_splits_that_are_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()


@pytest.fixture
def sounds(tmp_path):
    import wave

    for name, tone, length in (("high", 440, 900), ("low", 110, 700)):
        (tmp_path / name).mkdir()
        for number in range(2):
            samples = np.sin(np.arange(length + number) * tone * 2 * np.pi / 8000) * 0.5
            with wave.open(str(tmp_path / name / f"{number}.wav"), "wb") as file:
                file.setnchannels(1)
                file.setsampwidth(2)
                file.setframerate(8000)
                file.writeframes((samples * 32768).astype("<i2").tobytes())
    return tmp_path


def test_audio_files(sounds):
    def batch(**arguments):
        dataset = utils.audio_dataset_from_directory(sounds, shuffle=False, verbose=False, **arguments)
        return next(iter(dataset))

    values, numbers = batch()
    assert values.shape == (4, 901, 1) and values.dtype == "float32" and list(numbers) == [0, 0, 1, 1]
    tone = np.sin(np.arange(700) * 110 * 2 * np.pi / 8000) * 0.5
    np.testing.assert_allclose(values[2, :700, 0], tone, atol=1e-4)
    assert not values[2, 700:].any()
    assert batch(output_sequence_length=100, labels=None).shape == (4, 100, 1)
    assert [len(sound) for sound in batch(ragged=True)[0]] == [900, 901, 700, 701]
    for rate in (4000, 16000):
        resampled = batch(sampling_rate=rate)[0][2, : 700 * rate // 8000, 0]
        tone = np.sin(np.arange(len(resampled)) * 110 * 2 * np.pi / rate) * 0.5
        np.testing.assert_allclose(resampled[40:-40], tone[40:-40], atol=1e-3)


def test_errors_of_audio_files(sounds):
    for arguments, message in (
        (dict(ragged=True, output_sequence_length=3), "Cannot set both"),
        (dict(sampling_rate=0), "`sampling_rate` should be a positive integer"),
    ):
        with pytest.raises(ValueError, match=message):
            utils.audio_dataset_from_directory(sounds, **arguments)
    (sounds / "low" / "0.wav").write_bytes(b"nothing of the kind")
    with pytest.raises(ValueError, match="is no WAV file"):
        next(iter(utils.audio_dataset_from_directory(sounds, shuffle=False, verbose=False)))
