"""Eq. 2, 3 and 4 once more, number by number in NumPy's float64, to check the real ones against."""

import numpy as np


def high_order(module, deviations, training):
    """E_exp (N, 16) of V_exp (N, 512): eq. 2, one sample, one order, one number at a time."""
    weights, bias = (part.detach().numpy() for part in (module.first.weight, module.first.bias))
    first = [[sum(row * vector) + b for row, b in zip(weights, bias, strict=True)] for vector in deviations]
    orders = [_normalised(np.array(first), module.norms[0], training)]
    for norm in list(module.norms)[1:]:
        product = np.empty_like(orders[0])
        for sample in range(len(product)):
            for place in range(16):
                product[sample, place] = orders[-1][sample, place] * orders[0][sample, place]
        orders.append(_normalised(product, norm, training))
    last, offset = (part.detach().numpy() for part in (module.last.weight, module.last.bias))
    joined = [np.concatenate([order[sample] for order in orders]) for sample in range(len(deviations))]
    embeddings = np.array([[sum(row * f) + b for row, b in zip(last, offset, strict=True)] for f in joined])
    if not hasattr(module.placed, "norm"):
        return embeddings
    embeddings = _normalised(embeddings, module.placed.norm, training)
    return np.array([vector / np.sqrt(sum(vector * vector)) for vector in embeddings])


def _normalised(values, norm, training):
    result = np.empty_like(values)
    for place in range(values.shape[1]):
        column = values[:, place]
        mean, variance = column.mean(), ((column - column.mean()) ** 2).mean()
        if not training:
            mean, variance = norm.running_mean[place].item(), norm.running_var[place].item()
        result[:, place] = (column - mean) / np.sqrt(variance + norm.eps)
    return result


def crowd_loss(embeddings, rows, maps, sharpness):
    """Mean over triplets of eq. 3. `rows`: for each triplet its (anchor, positive, negative, annotator or
    None, W_k, margin, two_terms)."""

    def rectify(x):
        return max(0.0, x) if sharpness is None else np.logaddexp(0.0, sharpness * x) / sharpness

    total = 0.0
    for annotators in rows:
        one = 0.0
        for anchor, positive, negative, annotator, weight, margin, two_terms in annotators:
            matrix = np.eye(16) if annotator is None else maps[annotator]
            a, p, n = (matrix @ embeddings[face] for face in (anchor, positive, negative))
            near, far, across = (float(((x - y) ** 2).sum()) for x, y in ((a, p), (a, n), (p, n)))
            loss = rectify(near - far + margin)
            if two_terms:
                loss += rectify(near - across + margin)
            one += weight * loss
        total += one / len(annotators)
    return total / len(rows)
