"""Fixtures shared by all tests: the oracle (real Keras on JAX) and a fresh random seed for each test."""

import gc
import os
import signal
import sys
from hashlib import sha256
from importlib import import_module, metadata
from pathlib import Path

import pytest

# Tables of one folder's tests are also run by others.
for _folder in ("engine", "layers", "vocabulary"):
    sys.path.append(str(Path(__file__).parent / _folder))

# One BLAS thread for each process of the tests where there are several: more would only wait for each other.
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("KERAS_BACKEND", "jax")
os.environ.setdefault("JAX_PLATFORMS", "cpu")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("KERASISH_DEVICE", "cpu")  # tests of GPUs, in tests/gpu, say so
# The oracle computes little of much: what XLA takes to optimize a program, and JAX to note which line each of its
# operations comes from, is never won back.
os.environ.setdefault("JAX_DISABLE_MOST_OPTIMIZATIONS", "1")
os.environ.setdefault("JAX_TRACEBACK_IN_LOCATIONS_LIMIT", "0")


def _compile_in_less_time():
    """Have XLA do without what takes time and gains nothing here: its newest code generators, a third of the layers'
    tests' time, and code in many pieces that threads compile, of which there are as many as tests run at once.

    Only where the options are known to exist: XLA ends the process at a name that it does not know.
    """
    try:
        version = metadata.version("jaxlib")
    except metadata.PackageNotFoundError:
        return
    if version.startswith(_WITH_THESE_OPTIONS):
        options = "--xla_cpu_use_fusion_emitters=false --xla_cpu_parallel_codegen_split_count=1"
        os.environ.setdefault("XLA_FLAGS", options)


_WITH_THESE_OPTIONS = ("0.10.",)
_compile_in_less_time()

# A shell that starts the tests in the background has them ignore Ctrl-C, which some of them send.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# Tracing makes many objects that stay and next to no cycles: with Python's 700, looking for those takes a tenth of all
# the time. What has to be found is found by tests that call `gc.collect`, and after every file.
gc.set_threshold(50_000, 20, 20)


def pytest_configure(config):
    """Let JAX keep what it compiles in pytest's cache: equal programs, in one run or the next, are compiled once.

    `pytest --cache-clear` forgets them, `-p no:cacheprovider` does without.
    """
    if hasattr(config, "cache"):
        cpu = Path("/proc/cpuinfo")
        features = cpu.read_text().partition("\nflags")[2].partition("\n")[0] if cpu.exists() else ""
        folder = config.cache.mkdir("oracle") / sha256(features.encode()).hexdigest()[:16]
        os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", str(folder))
        os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0")
        os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES", "-1")


@pytest.hookimpl(wrapper=True)
def pytest_collection():
    gc.disable()  # thousands of tests are made, and next to no garbage
    try:
        return (yield)
    finally:
        gc.enable()
        _keep_for_good()


def _keep_for_good():
    """Leave what is there now, which stays to the end, out of garbage collections.

    With the tests and the oracle in memory a collection takes half a second, and `clear_session`, ours and the
    oracle's, is one.
    """
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def oracle():
    """Real Keras 3.15 on JAX, the specification that results are compared with. Its initial weights are NumPy's."""
    keras = pytest.importorskip("keras", reason="the oracle needs the `test` extra")
    _keep_for_good()
    with pytest.MonkeyPatch.context() as patch:
        import_module("oracle_draws").replace_draws(patch)
        yield keras


@pytest.fixture(scope="session")
def at_once(oracle):
    """Make one function of many of the oracle's, which takes a list of their arguments: compiled together they cost
    a fraction of what they cost one by one, or even operation by operation."""
    import jax

    def join(functions):
        def everything(arguments):
            return [function(*given) for function, given in zip(functions, arguments, strict=True)]

        return jax.jit(everything)

    return join


@pytest.fixture(autouse=True, scope="module")
def _what_earlier_files_left_is_kept():
    """Such as all that JAX has traced so far."""
    _keep_for_good()


@pytest.fixture(autouse=True)
def _same_seed_for_every_test():
    import kerasish

    kerasish.utils.set_random_seed(1234)


@pytest.fixture(autouse=True)
def _the_mark_interpreted_is_true(request):
    """Hold tests to their mark: what asks for machine code has to be tested with it as well."""
    if request.node.get_closest_marker("interpreted") is None:
        yield
        return
    function = import_module("kerasish.compiler.function")  # not the function of that name

    def refuse():
        pytest.fail("This test asks for machine code: take away its mark `interpreted`, or that of its file.")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(function, "native_kernels", refuse)
        yield


@pytest.fixture(autouse=True)
def _global_settings_end_with_the_test():
    from kerasish import config, dtype_policies

    kept = {name: value for name, value in vars(config).items() if type(value) in _SETTINGS}
    policy = dtype_policies._default
    yield
    config.disable_numeric_checks()  # which has more to put back than a setting
    vars(config).update(kept)
    dtype_policies.set_dtype_policy(policy)


_SETTINGS = (bool, int, float, str, type(None))
