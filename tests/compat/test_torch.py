"""The PyTorch front door: printing to the letter, gradients, modules and optimizers."""

from __future__ import annotations

import math

import numpy as np
import pytest

from kerasish import ops

# What PyTorch 2.13 prints.
PRINTED = [
    ("torch.tensor([1, 2, 3])", "tensor([1, 2, 3])"),
    ("torch.tensor([1, -20, 300])", "tensor([  1, -20, 300])"),
    ("torch.tensor(5)", "tensor(5)"),
    ("torch.tensor(3.14159)", "tensor(3.1416)"),
    ("torch.tensor([1.0, 2.0])", "tensor([1., 2.])"),
    ("torch.tensor([1.0, 2.5, -3.25])", "tensor([ 1.0000,  2.5000, -3.2500])"),
    ("torch.tensor([2 / 3, 4 / 3, 2.0])", "tensor([0.6667, 1.3333, 2.0000])"),
    ("torch.tensor([1e-5, 1.0])", "tensor([1.0000e-05, 1.0000e+00])"),
    ("torch.tensor([0.5, 1234.5])", "tensor([5.0000e-01, 1.2345e+03])"),
    ("torch.tensor([1.0, 2000.0])", "tensor([1.0000e+00, 2.0000e+03])"),
    ("torch.tensor([float('nan'), 1.0, float('inf')])", "tensor([nan, 1., inf])"),
    ("torch.tensor([float('nan'), 0.5, float('-inf')])", "tensor([   nan, 0.5000,   -inf])"),
    ("torch.tensor([0.0, 10.0, float('nan')])", "tensor([ 0., 10., nan])"),
    ("torch.tensor([0.0, 0.0])", "tensor([0., 0.])"),
    ("torch.tensor([True, False])", "tensor([ True, False])"),
    ("torch.tensor([[1, 2], [3, 4]])", "tensor([[1, 2],\n        [3, 4]])"),
    ("torch.tensor([[[1.5], [2.0]], [[3.0], [4.0]]])", None),
    ("torch.tensor([])", "tensor([])"),
    ("torch.zeros(0, 3)", "tensor([], size=(0, 3))"),
    ("torch.tensor([1, 2], dtype=torch.int32)", "tensor([1, 2], dtype=torch.int32)"),
    ("torch.tensor([1.0], dtype=torch.float64)", "tensor([1.], dtype=torch.float64)"),
    ("torch.tensor([1.0, 2.0], requires_grad=True)", "tensor([1., 2.], requires_grad=True)"),
    ("torch.tensor([1.0, 2.0], requires_grad=True) ** 2", "tensor([1., 4.], grad_fn=<PowBackward0>)"),
    ("torch.tensor([1.0, 2.0], requires_grad=True) * 3", "tensor([3., 6.], grad_fn=<MulBackward0>)"),
    ("torch.tensor([1.0, 2.0], requires_grad=True).sum()", "tensor(3., grad_fn=<SumBackward0>)"),
    ("torch.arange(40)", None),
    ("torch.arange(2000)", "tensor([   0,    1,    2,  ..., 1997, 1998, 1999])"),
    ("torch.arange(4000).reshape(40, 100)", None),
    ("torch.linspace(0, 1, 30)", None),
    ("torch.linspace(0, 1, 30, dtype=torch.float64)", None),
    ("torch.linspace(-1, 1, 2500).reshape(50, 50)", None),
    ("torch.ones(2, 30)", None),
    ("torch.ones(2, 2, 2, 2)", None),
]


@pytest.fixture
def torch():
    """The front door, open for the length of a test: its names and printing are taken away again."""
    import kerasish.compat.torch as front
    from kerasish.compat.torch import methods

    methods.install()
    yield front
    methods.uninstall()


class TestPrinting:
    @pytest.mark.parametrize(("expression", "expected"), [c for c in PRINTED if c[1]])
    def test_prints_as_pytorch_does(self, torch, expression, expected):
        assert repr(eval(expression, {"torch": torch})) == expected

    @pytest.mark.parametrize("expression", [c[0] for c in PRINTED])
    def test_prints_as_the_installed_pytorch_does(self, torch, expression):
        theirs = pytest.importorskip("torch", reason="compares with PyTorch where it is installed")
        assert repr(eval(expression, {"torch": torch})) == repr(eval(expression, {"torch": theirs}))

    def test_parameter_and_modules(self, torch):
        nn = torch.nn
        model = nn.Sequential(nn.Flatten(), nn.Linear(4, 2), nn.ReLU(), nn.Dropout(0.2))
        assert repr(model) == (
            "Sequential(\n  (0): Flatten(start_dim=1, end_dim=-1)\n"
            "  (1): Linear(in_features=4, out_features=2, bias=True)\n  (2): ReLU()\n  (3): Dropout(p=0.2)\n)"
        )
        assert (
            repr(nn.Parameter(torch.ones(2))) == "Parameter containing:\ntensor([1., 1.], requires_grad=True)"
        )

    def test_closing_the_door_brings_back_the_old_names(self):
        import kerasish.compat.torch
        from kerasish.compat.torch import methods

        methods.uninstall()
        x = kerasish.Tensor([1.0])
        assert repr(x).startswith("<Tensor") and not hasattr(x, "unsqueeze")
        with pytest.raises(TypeError):
            x.sum(dim=0)


class TestTensors:
    def test_types_of_python_numbers(self, torch):
        cases = [([1, 2], "int64"), (1.5, "float32"), ([True], "bool"), (np.float64(2), "float64")]
        assert [torch.tensor(value).dtype for value, _ in cases] == [dtype for _, dtype in cases]
        assert (torch.tensor([1, 2, 3]) * 2).dtype == torch.int64
        assert torch.arange(0, 1, 0.25).dtype == torch.float32

    def test_a_tensor_owns_its_values(self, torch):
        array = np.ones(2, "float32")
        x = torch.tensor(array)
        array[0] = 5
        assert x.tolist() == [1, 1]

    def test_backward_accumulates(self, torch):
        x = torch.tensor([1.0, 2.0, 3.0], requires_grad=True)
        for _ in range(2):
            (x**2).mean().backward()
        np.testing.assert_allclose(x.grad.numpy(), [4 / 3, 8 / 3, 4], rtol=1e-6)
        x.grad.zero_()
        assert x.grad.tolist() == [0, 0, 0]

    def test_in_place_changes_under_no_grad_only(self, torch):
        w = torch.tensor([1.0, 2.0], requires_grad=True)
        with pytest.raises(RuntimeError, match="in-place operation"):
            w -= 1.0
        with torch.no_grad():
            w -= 0.5
        assert w.tolist() == [0.5, 1.5] and w.requires_grad and not (w * 2).detach().requires_grad

    def test_changed_after_use_is_an_error(self, torch):
        w = torch.tensor([1.0, 2.0], requires_grad=True)
        loss = (w * w).sum()
        with torch.no_grad():
            w -= 0.5
        with pytest.raises(RuntimeError, match="changed in place"):
            loss.backward()

    def test_dim_and_keepdim(self, torch):
        x = torch.tensor([[1.0, 5.0], [7.0, 3.0]])
        assert x.sum(dim=1).tolist() == [6, 10] == x.sum(1).tolist() == torch.sum(x, dim=1).tolist()
        assert x.mean(dim=0, keepdim=True).shape == (1, 2)
        best = torch.max(x, dim=1)
        assert best.values.tolist() == [5, 7] and best.indices.tolist() == [1, 0]
        assert x.argmax(dim=1).tolist() == [1, 0]

    def test_shapes(self, torch):
        x = torch.arange(6)
        assert x.view(2, 3).t().shape == (3, 2)
        assert x.unsqueeze(0).shape == (1, 6) and x.view(1, 6).squeeze(0).shape == (6,)
        assert torch.ones(2, 3, 4).flatten(1).shape == (2, 12) and torch.ones(2, 3, 4).flatten().shape == (
            24,
        )
        assert torch.cat([x, x], dim=0).shape == (12,) and torch.stack([x, x], dim=1).shape == (6, 2)
        assert torch.transpose(torch.ones(2, 3), 0, 1).shape == (3, 2) and x.numel() == 6

    def test_std_divides_by_n_minus_1(self, torch):
        x = torch.tensor([[1.0, 2.0, 4.0], [0.0, 3.0, 3.0]])
        np.testing.assert_allclose(torch.std(x).numpy(), np.std(x.numpy(), ddof=1), rtol=1e-6)
        np.testing.assert_allclose(torch.var(x, dim=1).numpy(), np.var(x.numpy(), axis=1, ddof=1), rtol=1e-6)

    def test_seeds_repeat(self, torch):
        draws = []
        for _ in range(2):
            torch.manual_seed(42)
            draws.append(
                [torch.rand(3).tolist(), torch.randn(2, 2).tolist(), torch.randint(0, 9, (4,)).tolist()]
            )
        assert draws[0] == draws[1]
        assert sorted(torch.randperm(10).tolist()) == list(range(10))


class TestModules:
    def test_parameters_are_found_once_and_in_order(self, torch):
        nn = torch.nn

        class Net(nn.Module):
            def __init__(self):
                super().__init__()
                self.first = nn.Linear(3, 2)
                self.rest = nn.Sequential(nn.ReLU(), nn.Linear(2, 1, bias=False))
                self.again = self.first

        names = [name for name, _ in Net().named_parameters()]
        assert names == ["first.weight", "first.bias", "rest.1.weight"]

    def test_train_and_eval_reach_dropout(self, torch):
        model = torch.nn.Sequential(torch.nn.Dropout(0.5))
        x = torch.ones(1000)
        assert 0 < float((model(x) == 0).sum()) < 1000
        assert model.eval()(x).tolist() == x.tolist()

    def test_linear_on_vectors_and_batches(self, torch):
        layer = torch.nn.Linear(3, 2)
        x = torch.randn(4, 5, 3)
        expected = x.numpy() @ layer.weight.numpy().T + layer.bias.numpy()
        np.testing.assert_allclose(layer(x).detach().numpy(), expected, rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(layer(x[0, 0]).detach().numpy(), expected[0, 0], rtol=1e-5, atol=1e-6)
        assert abs(layer.weight.numpy()).max() <= 1 / math.sqrt(3)
        with pytest.raises(RuntimeError, match="cannot be multiplied"):
            layer(torch.ones(2, 4))

    def test_state_dict_goes_back_and_refuses_what_does_not_fit(self, torch):
        model, other = torch.nn.Linear(3, 2), torch.nn.Linear(3, 2)
        other.load_state_dict(model.state_dict())
        assert other.weight.tolist() == model.weight.tolist()
        before = other.weight.tolist()
        with pytest.raises(RuntimeError, match="of another shape"):
            other.load_state_dict({"weight": np.zeros((2, 2)), "bias": np.zeros(2)})
        assert other.weight.tolist() == before

    def test_frozen_parameters_get_no_gradient(self, torch):
        model = torch.nn.Linear(2, 1)
        model.weight.requires_grad = False
        model(torch.ones(1, 2)).sum().backward()
        assert model.weight.grad is None and model.bias.grad.tolist() == [1]

    def test_missing_forward(self, torch):
        with pytest.raises(NotImplementedError, match="forward"):
            torch.nn.Module()(1)


LOGITS = [[2.0, -1.0, 0.5], [0.1, 0.2, -0.3]]
# Input and target, and the loss and its gradient as PyTorch 2.13 computes them.
LOSSES = [
    (
        "MSELoss()",
        LOGITS,
        [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]],
        [0.498333],
        [0.333333, -0.333333, 0.166667, 0.033333, -0.266667, -0.1],
    ),
    (
        "MSELoss(reduction='sum')",
        LOGITS,
        [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]],
        [2.99],
        [2.0, -2.0, 1.0, 0.2, -1.6, -0.6],
    ),
    (
        "L1Loss()",
        LOGITS,
        [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]],
        [0.616667],
        [0.166667, -0.166667, 0.166667, 0.166667, -0.166667, -0.166667],
    ),
    (
        "CrossEntropyLoss()",
        LOGITS,
        [0, 2],
        [0.831069],
        [-0.107201, 0.019556, 0.087645, 0.180148, 0.199095, -0.379243],
    ),
    (
        "CrossEntropyLoss(reduction='none')",
        LOGITS,
        [0, 2],
        [0.241311, 1.420828],
        [-0.214403, 0.039113, 0.17529, 0.360297, 0.398189, -0.758486],
    ),
    (
        "CrossEntropyLoss(label_smoothing=0.1)",
        LOGITS,
        [0, 2],
        [0.891069],
        [-0.073868, 0.00289, 0.070979, 0.163482, 0.182428, -0.34591],
    ),
    (
        "CrossEntropyLoss()",
        LOGITS,
        [[0.2, 0.3, 0.5], [1.0, 0.0, 0.0]],
        [1.456069],
        [0.292799, -0.130444, -0.162355, -0.319852, 0.199095, 0.120757],
    ),
    (
        "CrossEntropyLoss()",
        [LOGITS],
        [[1, 0, 1]],
        [1.557923],
        [0.289964, -0.256175, 0.229991, -0.289964, 0.256175, -0.229991],
    ),
    ("BCELoss()", [0.2, 0.9], [0.0, 1.0], [0.164252], [0.625, -0.555556]),
    ("BCEWithLogitsLoss()", [0.2, -0.9], [0.0, 1.0], [1.019646], [0.274917, -0.355475]),
]
# Where five steps from (1, -2, 3) towards 0.5 lead in PyTorch 2.13.
OPTIMIZERS = [
    ("SGD", {"lr": 0.1}, [0.66384, -0.3192, 1.3192]),
    ("SGD", {"lr": 0.1, "momentum": 0.9, "weight_decay": 0.01}, [0.204082, 1.95595, -0.963831]),
    ("SGD", {"lr": 0.1, "momentum": 0.9, "nesterov": True}, [0.292141, 1.539294, -0.539294]),
    ("SGD", {"lr": 0.1, "momentum": 0.9, "dampening": 0.5}, [0.35744, 1.2128, -0.2128]),
    ("Adam", {"lr": 0.1}, [0.527815, -1.502225, 2.502225]),
    ("Adam", {"lr": 0.1, "weight_decay": 0.1, "betas": (0.8, 0.99)}, [0.53614, -1.504139, 2.504048]),
    ("AdamW", {"lr": 0.1}, [0.524326, -1.493295, 2.488332]),
]


class TestTraining:
    @pytest.mark.parametrize(("expression", "input", "target", "value", "gradient"), LOSSES)
    def test_losses_and_their_gradients_are_pytorch_s(
        self, torch, expression, input, target, value, gradient
    ):
        x = torch.tensor(input, requires_grad=True)
        loss = eval(f"nn.{expression}", {"nn": torch.nn})(x, torch.tensor(target))
        loss.sum().backward()
        np.testing.assert_allclose(loss.detach().numpy().ravel(), value, rtol=2e-5, atol=1e-6)
        np.testing.assert_allclose(x.grad.numpy().ravel(), gradient, rtol=2e-5, atol=1e-6)

    def test_losses_by_hand(self, torch):
        x = torch.tensor(LOGITS)
        rows = np.array(LOGITS) - np.log(np.exp(LOGITS).sum(1, keepdims=True))
        loss = torch.nn.CrossEntropyLoss()(x, torch.tensor([0, 2]))
        assert loss.item() == pytest.approx(-(rows[0, 0] + rows[1, 2]) / 2, rel=1e-5)
        target = torch.tensor([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
        assert torch.nn.MSELoss()(x, target).item() == pytest.approx(
            np.mean((LOGITS - target.numpy()) ** 2), rel=1e-5
        )
        with pytest.raises(ValueError, match="differ"):
            torch.nn.MSELoss()(torch.ones(3, 1), torch.ones(3))
        with pytest.raises(ValueError, match="reduction"):
            torch.nn.MSELoss(reduction="median")(x, x)

    @pytest.mark.parametrize(("name", "options", "expected"), OPTIMIZERS)
    def test_optimizers_take_pytorch_s_steps(self, torch, name, options, expected):
        w = torch.tensor([1.0, -2.0, 3.0], requires_grad=True)
        optimizer = getattr(torch.optim, name)([w], **options)
        for _ in range(5):
            optimizer.zero_grad()
            ((w - 0.5) ** 2).sum().backward()
            optimizer.step()
        np.testing.assert_allclose(w.detach().numpy(), expected, rtol=1e-5, atol=1e-6)

    def test_a_network_learns(self, torch):
        torch.manual_seed(0)
        nn = torch.nn
        x = torch.randn(200, 2)
        y = ops.cast(x[:, 0] * x[:, 1] > 0, "int64")
        model = nn.Sequential(nn.Linear(2, 16), nn.Tanh(), nn.Linear(16, 2))
        optimizer = torch.optim.Adam(model.parameters(), lr=0.05)
        for _ in range(100):
            loss = nn.CrossEntropyLoss()(model(x), y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        assert float((model(x).argmax(dim=1) == y).float().mean()) > 0.95

    @pytest.mark.parametrize(
        ("make", "message"),
        [
            (lambda torch: torch.optim.SGD([], lr=0.1), "empty parameter list"),
            (lambda torch: torch.optim.SGD([torch.ones(2)], lr=0.1), "Received: Tensor"),
            (
                lambda torch: torch.optim.SGD([torch.ones(2, requires_grad=True)], lr=-1),
                "Invalid lr value: -1",
            ),
            (lambda torch: torch.optim.SGD([torch.ones(2, requires_grad=True)], nesterov=True), "Nesterov"),
        ],
    )
    def test_bad_arguments(self, torch, make, message):
        with pytest.raises((ValueError, TypeError), match=message):
            make(torch)
