"""Pictures of graphs: what they hold, that boxes do not overlap, and that files are what they say."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import kerasish
from kerasish import Tensor, Variable, layers, ops
from kerasish.utils import draw, model_to_dot, plot_model, remember, to_dot, to_svg
from kerasish.utils.drawing import Graph
from kerasish.utils.drawing.layout import layout


def labels(dot: str) -> dict[str, str]:
    """Return each node's label by its id."""
    return dict(re.findall(r"(n\d+) \[label=\"((?:[^\"\\]|\\.)*)\"", dot))


def edges(dot: str) -> set[tuple[str, str]]:
    """Return the edges by the first lines of their ends' labels."""
    names = {key: label.split("\\n")[0] for key, label in labels(dot).items()}
    return {(names[a], names[b]) for a, b in re.findall(r"(n\d+) -> (n\d+);", dot)}


class TestTensorGraphs:
    def test_nodes_names_and_edges(self):
        x = Tensor([1.0, 2.0], requires_grad=True, name="x")
        y = x**2
        y.name = "y"
        z = ops.exp(y)
        z.name = "z"
        dot = to_dot(z)
        assert edges(dot) == {("x", "y: power"), ("2", "y: power"), ("y: power", "z: exp")}
        assert "x\\nfloat32 (2,)" in labels(dot).values()

    def test_a_shared_operand_is_one_node(self):
        x = Tensor(3.0, requires_grad=True, name="x")
        dot = to_dot(x * x)
        assert len(labels(dot)) == 2 and len(re.findall("->", dot)) == 2

    def test_variables_show_their_path(self):
        v = Variable([1.0], name="v")
        assert ("v", "negative") in edges(to_dot(-v))

    def test_constants_can_be_left_out(self):
        x = Tensor([1.0], requires_grad=True, name="x")
        assert edges(to_dot(x * 2, show_constants=False)) == {("x", "multiply")}

    def test_symbolic_tensors(self):
        x = kerasish.KerasTensor((None, 3), name="inputs")
        assert ("inputs", "exp") in edges(to_dot(ops.exp(x)))

    def test_several_outputs(self):
        x = Tensor([1.0], requires_grad=True, name="x")
        assert edges(to_dot([ops.exp(x), ops.tanh(x)])) == {("x", "exp"), ("x", "tanh")}

    def test_ordinary_tensors_forget_unless_remembered(self):
        a, b = Tensor(2.0, name="a"), Tensor(3.0, name="b")
        assert len(labels(to_dot(ops.add(a, b)))) == 1
        c = remember(ops.add, a, b)
        assert edges(to_dot(c)) == {("a", "add"), ("b", "add")}
        with pytest.raises(RuntimeError):
            c.backward()

    def test_quotes_and_angle_brackets_are_escaped(self):
        x = Tensor([1.0], requires_grad=True, name='a "b" <c> & \\')
        assert 'a \\"b\\" <c> & \\\\' in to_dot(-x)
        ElementTree.fromstring(to_svg(-x))

    def test_a_long_chain(self):
        x = Tensor(1.0, requires_grad=True)
        for _ in range(5000):
            x = -x
        assert len(labels(to_dot(x))) == 5001
        assert to_svg(x).count('class="node') == 5001

    def test_what_cannot_be_drawn(self):
        with pytest.raises(TypeError, match="can be drawn"):
            to_dot("text")


class TestFiles:
    @pytest.mark.parametrize(
        ("name", "start"),
        [("g.svg", b"<svg"), ("g.dot", b"digraph"), ("g.png", b"\x89PNG"), ("g.pdf", b"%PDF")],
    )
    def test_formats(self, tmp_path, name, start):
        if name.endswith(("png", "pdf")):
            pytest.importorskip("matplotlib")
        x = Tensor([1.0], requires_grad=True, name="x")
        graph = draw(x * 2 + ops.exp(x), tmp_path / name)
        assert (tmp_path / name).read_bytes().startswith(start) and isinstance(graph, Graph)

    def test_unknown_format(self, tmp_path):
        with pytest.raises(ValueError, match="svg, dot, png, pdf"):
            draw(Tensor(1.0), tmp_path / "g.bmp")

    def test_png_without_matplotlib_says_what_to_install(self, tmp_path, monkeypatch):
        monkeypatch.setitem(__import__("sys").modules, "matplotlib.figure", None)
        with pytest.raises(ImportError, match=r"kerasish\[viz\]"):
            draw(Tensor(1.0), tmp_path / "g.png")


@st.composite
def graphs(drawn):
    """Random directed graphs, cycles and self-loops among them."""
    size = drawn(st.integers(1, 12))
    graph = Graph(rankdir=drawn(st.sampled_from(["TB", "BT", "LR", "RL"])))
    for i in range(size):
        graph.add_node(i, f"node {i}" * drawn(st.integers(1, 3)), ["line"] * drawn(st.integers(0, 2)))
    ends = st.integers(0, size - 1)
    for source, target in drawn(st.lists(st.tuples(ends, ends), max_size=20)):
        graph.add_edge(source, target)
    return graph


class TestLayout:
    @settings(max_examples=60, deadline=None)
    @given(graphs())
    def test_boxes_do_not_overlap_and_lie_in_the_picture(self, graph):
        plan = layout(graph)
        boxes = list(plan.boxes.values())
        for i, (x, y, w, h) in enumerate(boxes):
            assert x - w / 2 >= 0 and y - h / 2 >= 0 and x + w / 2 <= plan.width and y + h / 2 <= plan.height
            for x2, y2, w2, h2 in boxes[:i]:
                assert abs(x - x2) >= (w + w2) / 2 - 1e-6 or abs(y - y2) >= (h + h2) / 2 - 1e-6
        assert len(plan.paths) == len(graph.edges)
        ElementTree.fromstring(graph.to_svg())

    @pytest.mark.parametrize("rankdir", ["TB", "BT", "LR", "RL"])
    def test_arrows_go_the_given_way(self, rankdir):
        graph = Graph(rankdir=rankdir)
        for key in "abc":
            graph.add_node(key, key)
        graph.add_edge("a", "b")
        graph.add_edge("b", "c")
        boxes = layout(graph).boxes
        places = [boxes[key][0 if rankdir in ("LR", "RL") else 1] for key in "abc"]
        assert places == sorted(places, reverse=rankdir in ("BT", "RL"))

    def test_bad_arguments(self):
        with pytest.raises(ValueError, match="rankdir"):
            Graph(rankdir="UP")
        with pytest.raises(KeyError, match="no node"):
            Graph().add_edge("a", "b")


@pytest.fixture
def model():
    return kerasish.Sequential(
        [
            layers.Input((4,)),
            layers.Dense(3, activation="relu", name="hidden"),
            kerasish.Sequential(
                [layers.Dense(2, name="inner"), layers.Dropout(0.5, name="drop")], name="head"
            ),
        ]
    )


class TestModels:
    def test_plain(self, model):
        dot = str(model_to_dot(model))
        assert edges(dot) == {("hidden (Dense)", "head (Sequential)")}

    def test_everything_shown(self, model):
        dot = str(
            model_to_dot(
                model,
                show_shapes=True,
                show_dtype=True,
                show_layer_activations=True,
                show_trainable=True,
                expand_nested=True,
            )
        )
        assert "subgraph cluster" in dot and 'label="head"' in dot
        assert edges(dot) == {("hidden (Dense)", "inner (Dense)"), ("inner (Dense)", "drop (Dropout)")}
        hidden = next(label for label in labels(dot).values() if label.startswith("hidden"))
        for line in ("Activation: relu", "(None, 4)", "(None, 3)", "float32", "Trainable"):
            assert line in hidden

    @pytest.mark.parametrize("name", ["model.svg", "model.dot", "model.png"])
    def test_plot_model(self, model, tmp_path, name):
        plot_model(model, tmp_path / name, show_shapes=True, expand_nested=True)
        assert (tmp_path / name).stat().st_size > 200

    def test_draw_takes_models(self, model):
        assert "(None, 3)" in to_dot(model) and to_svg(model).startswith("<svg")

    def test_errors(self, model):
        with pytest.raises(ValueError, match="not yet been built"):
            model_to_dot(kerasish.Sequential([layers.Dense(2)]))
        with pytest.raises(ValueError, match="splines"):
            model_to_dot(model, splines="round")
        with pytest.raises(ValueError, match="Unrecognized keyword"):
            model_to_dot(model, layer_rang=1)


class TestFunctionalModels:
    @pytest.fixture
    def graph(self):
        a, b = kerasish.Input((4,), name="a"), kerasish.Input((4,), name="b")
        shared = layers.Dense(3, name="shared")
        inner_in = [kerasish.Input((3,), name="p"), kerasish.Input((3,), name="q")]
        inner = kerasish.Model(inner_in, layers.Add(name="sum")(inner_in), name="inner")
        tail = kerasish.Sequential([layers.Dense(2, name="tail_dense")], name="tail")
        merged = inner([shared(a), shared(b)])
        return kerasish.Model([a, b], [tail(merged), kerasish.ops.relu(merged)], name="outer")

    def test_branches_shared_layers_and_functions(self, graph):
        relu = graph.operations[-1].name if "relu" in graph.operations[-1].name else graph.operations[-2].name
        assert edges(str(model_to_dot(graph))) == {
            ("a (InputLayer)", "shared (Dense)"),
            ("b (InputLayer)", "shared (Dense)"),
            ("shared (Dense)", "inner (Functional)"),
            ("inner (Functional)", "tail (Sequential)"),
            ("inner (Functional)", f"{relu} (Relu)"),
        }

    def test_nested_models_are_frames(self, graph):
        dot = str(model_to_dot(graph, expand_nested=True, show_layer_names=True))
        found = edges(dot)
        assert {
            ("shared (Dense)", "p (InputLayer)"),
            ("shared (Dense)", "q (InputLayer)"),
            ("p (InputLayer)", "sum (Add)"),
            ("q (InputLayer)", "sum (Add)"),
            ("sum (Add)", "tail_dense (Dense)"),
        } <= found
        assert 'label="inner"' in dot and 'label="tail"' in dot

    def test_shapes_and_types(self, graph, tmp_path):
        dot = str(model_to_dot(graph, expand_nested=True, show_shapes=True, show_dtype=True, subgraph=True))
        inner_sum = next(label for label in labels(dot).values() if label.startswith("sum"))
        assert "(None, 3), (None, 3)" in inner_sum and "float32" in inner_sum
        plot_model(graph, tmp_path / "m.svg", show_shapes=True, expand_nested=True)
        assert (tmp_path / "m.svg").read_text().startswith("<svg")
