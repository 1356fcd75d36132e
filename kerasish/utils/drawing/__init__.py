"""Pictures of graphs: of how a tensor was computed, and of models."""

from kerasish.utils.drawing.draw import draw, to_dot, to_svg
from kerasish.utils.drawing.graph import Graph
from kerasish.utils.drawing.model_graph import model_to_dot, plot_model
from kerasish.utils.drawing.plan_graph import plan_graph
from kerasish.utils.drawing.tensor_graph import remember, tensor_graph

__all__ = [
    "Graph",
    "draw",
    "model_to_dot",
    "plan_graph",
    "plot_model",
    "remember",
    "tensor_graph",
    "to_dot",
    "to_svg",
]
