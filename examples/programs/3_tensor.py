"""A tensor, and the NumPy array that it turns into."""
import kerasish.compat.torch as torch

x = torch.tensor([1, 2, 3])
print(x)
print(x.numpy())
