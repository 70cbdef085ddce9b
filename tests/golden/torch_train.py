"""One training as mlp.h defines it, done with PyTorch's optimizers and schedulers: see make_torch.py.

Before PyTorch's own step come the parts that mlp.h puts there: clip_value, clip_norm, l1 and l2
on weights and tables, decoupled decay; after it max_norm. Lion, which PyTorch lacks, is written out.
"""
import math

import torch


class Lion(torch.optim.Optimizer):
    def __init__(self, params, lr, betas):
        super().__init__(params, dict(lr=lr, betas=betas))

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            b1, b2 = group["betas"]
            for w in group["params"]:
                m = self.state[w].setdefault("m", torch.zeros_like(w))
                w -= group["lr"] * torch.sign(b1 * m + (1 - b1) * w.grad)
                m.mul_(b2).add_(w.grad, alpha=1 - b2)


def optimizer(t, groups):
    """t: as struct mlp_train_spec; groups: PyTorch's parameter groups."""
    o, kind, rate = torch.optim, t["optimizer"], t["learning_rate"]
    betas, eps = (t.get("beta1"), t.get("beta2")), t.get("epsilon")
    if kind == "SGD":
        return o.SGD(groups, rate, momentum=t.get("momentum", 0), nesterov=t.get("nesterov", False))
    if kind == "ADAM":
        return o.Adam(groups, rate, betas=betas, eps=eps, amsgrad=t.get("amsgrad", False))
    if kind == "ADAMW":  # with its own decay: not ours
        return o.AdamW(groups, rate, betas=betas, eps=eps, amsgrad=t.get("amsgrad", False),
                       weight_decay=0)
    if kind == "NADAM":
        return o.NAdam(groups, rate, betas=betas, eps=eps, momentum_decay=t["momentum_decay"])
    if kind == "RADAM":
        return o.RAdam(groups, rate, betas=betas, eps=eps)
    if kind == "LION":
        return Lion(groups, rate, betas)
    if kind == "RMSPROP":
        return o.RMSprop(groups, rate, alpha=t["rho"], eps=eps, momentum=t.get("momentum", 0))
    if kind == "ADAGRAD":
        return o.Adagrad(groups, rate, eps=eps)
    if kind == "ADADELTA":
        return o.Adadelta(groups, rate, rho=t["rho"], eps=eps)
    if kind == "RPROP":
        return o.Rprop(groups, rate)
    raise KeyError(kind)


class Warm:
    """`warmup` steps that rise linearly to the learning rate, then a scheduler."""

    def __init__(self, opt, steps, warmup, scheduler):
        self.opt, self.steps, self.warmup, self.scheduler = opt, steps, warmup, scheduler
        self.base, self.i, self.inner = [g["lr"] for g in opt.param_groups], 0, None
        self.set((self.i + 1) / warmup)

    def set(self, factor):
        for g, b in zip(self.opt.param_groups, self.base):
            g["lr"] = b * factor

    def step(self):
        self.i += 1
        if self.i < self.warmup:
            self.set((self.i + 1) / self.warmup)
        elif self.inner is None:
            self.set(1)
            self.inner = self.scheduler(self.opt, self.steps - self.warmup)
        else:
            self.inner.step()


def train(net, t, data, epochs, scheduler=None, plateau=None):
    """Each epoch's loss (the mean while the weights moved) and learning rate (of its last step).

    scheduler: (optimizer, all steps) -> an object whose step() goes after every step; plateau:
    optimizer -> one whose step(loss) goes after every epoch."""
    layers = t.get("layers") or [{} for _ in net.layers]

    def rate(s):
        r = layers[s.layer].get("rate") or 1 if s.kind != "INPUT_SCALE" else 1
        r *= (t.get("bias_rate") or 1) if s.kind == "BIAS" else 1
        return r * ((t.get("input_scale_rate") or 1) if s.kind == "INPUT_SCALE" else 1)

    moving = [s for s in net.segments
              if s.kind == "INPUT_SCALE" or not layers[s.layer].get("frozen")]
    tensors = [s.tensor for s in moving]
    opt = optimizer(t, [dict(params=[s.tensor], lr=t["learning_rate"] * rate(s)) for s in moving])
    rows, batch = len(data["x"]), t["batch_size"]
    steps = math.ceil(rows / batch)
    schedule = scheduler(opt, steps * epochs) if scheduler else None
    flat = plateau(opt) if plateau else None
    losses, rates = [], []

    for epoch in range(1, epochs + 1):
        total = 0
        for at in range(0, rows, batch):
            part = {k: v[at:at + batch] for k, v in data.items()}
            for s in net.segments:
                s.tensor.grad = None
            net.moment = (t.get("seed", 0), epoch, at // batch)
            loss = net.loss(**part, smoothing=t.get("label_smoothing", 0))
            loss.backward()
            total += loss.item() * len(part["x"])
            with torch.no_grad():
                if t.get("clip_value"):
                    torch.nn.utils.clip_grad_value_(tensors, t["clip_value"])
                if t.get("clip_norm"):
                    torch.nn.utils.clip_grad_norm_(tensors, t["clip_norm"])
                for s, g in zip(moving, opt.param_groups):
                    w = s.tensor
                    if s.kind in ("WEIGHTS", "TABLE"):
                        own = layers[s.layer] if t.get("layers") else t
                        w.grad += own.get("l1", 0) * torch.sign(w)
                        w.grad += own.get("l2", 0) * w
                        w.mul_(1 - g["lr"] * t.get("weight_decay", 0))
            opt.step()
            if t.get("max_norm"):
                with torch.no_grad():
                    for s in moving:
                        if s.kind == "WEIGHTS":
                            norm = s.tensor.norm(dim=0)
                            s.tensor.mul_(torch.clamp(t["max_norm"] / norm, max=1))
            rates.append(opt.param_groups[0]["lr"] / rate(moving[0]))
            if schedule:
                schedule.step()
        losses.append(total / rows)
        if flat:
            flat.step(losses[-1])
    return losses, rates[steps - 1::steps]
