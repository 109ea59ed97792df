"""What a model costs, by formula: parameters, floating-point operations, memory.

The formulas need only the configuration, so a run can be sized before anything is built. A test
compares each with the built model.
"""

from bit_transformer.model.config import ModelConfig

__all__ = ["activation_bytes", "flops_per_byte", "kv_cache_bytes", "parameter_count"]

NUM_VIEWS = 3
FLOAT_BYTES = 4


def parameter_count(config: ModelConfig) -> dict[str, int]:
    """Return the number of parameters by part, with their sum under ``total``."""
    width = config.width
    norm = width if config.norm == "layernorm" else 0
    gains = config.has_embedding_skip + config.has_value_skip
    block = (4 + 2 * config.feed_forward_factor) * width * width + 2 * norm + gains
    contexts = len(config.context_hash_bits)
    table_channels = contexts * config.table_width
    places = config.context_patches + 1 if config.position == "learned" else 0
    phases = config.num_phases if config.num_phases > 1 else 0
    needs_mix = contexts > 0 and table_channels != width
    counts = {
        "embeddings": (sum(1 << s for s in config.piece_bits) + NUM_VIEWS + places + phases) * width
        + (table_channels * width if needs_mix else 0),
        "tables": (contexts << config.table_rows_log2) * config.table_width,
        "blocks": config.depth * block + norm,
        "head": _head_parameters(config),
    }
    return counts | {"total": sum(counts.values())}


def _head_parameters(config: ModelConfig) -> int:
    sizes, width = config.piece_bits, config.width
    if config.head == "softmax":
        return width << config.patch_bits
    nodes = config.node_vectors * sum((1 << size) - 1 for size in sizes) * width
    if len(sizes) == 1:
        return nodes
    earlier = sum(1 << size for k in range(1, len(sizes)) for size in sizes[:k]) * width
    return nodes + earlier + 4 * width * width


def flops_per_byte(config: ModelConfig, *, is_training: bool = False) -> float:
    """Return the floating-point operations that one byte costs at full context.

    Counts matrix products only, a multiply-add as two; a training step is three forward passes,
    and one more through blocks that are recomputed.
    Source: Kaplan et al. 2020, section 2.1, with the attention term kept; causal, so halved.
    """
    width, pieces = config.width, len(config.piece_bits)
    blocks = config.depth * (4 + 2 * config.feed_forward_factor) * width * width
    blocks += config.depth * width * config.context_patches
    channels = len(config.context_hash_bits) * config.table_width
    ends = channels * width if channels not in (0, width) else 0
    if config.head == "bits":
        ends += config.node_vectors * sum((1 << size) - 1 for size in config.piece_bits) * width
    else:
        ends += width << config.patch_bits
    ends += (pieces - 1) * 4 * width * width
    passes = 3 if is_training else 1
    is_recomputed = is_training and (config.reversible or config.gradient_checkpointing)
    per_patch = 2 * (passes * (blocks + ends) + is_recomputed * blocks)
    return per_patch * 8 / config.patch_bits


def kv_cache_bytes(config: ModelConfig, num_patches: int, *, value_bytes: int = FLOAT_BYTES) -> int:
    """Return the bytes of the keys and values of one sequence of ``num_patches`` patches."""
    return 2 * config.depth * config.width * (num_patches + 1) * value_bytes


def activation_bytes(config: ModelConfig, num_windows: int, *, value_bytes: int = 2) -> int:
    """Return about how many bytes of activations one training step holds at its peak.

    Counts, per position and block, what the backward pass reads (normalised inputs, queries, keys
    and values before and after their normalisation, attention's output, the hidden layer before and
    after its non-linearity, and the residual stream in between), and once the hidden layer's
    gradients. Reversible blocks keep three streams in all, checkpointed ones their inputs.
    """
    positions = num_windows * config.context_patches
    stream = config.width * FLOAT_BYTES
    hidden = 2 * config.feed_forward_factor * config.width * value_bytes
    per_block = 8 * config.width * value_bytes + hidden + 4 * stream
    nodes = config.node_vectors * sum(1 << size for size in config.piece_bits) * value_bytes
    ends = 3 * stream + nodes + hidden
    if config.reversible:
        return positions * (3 * stream + per_block + ends)
    if config.gradient_checkpointing:
        return positions * (config.depth * stream + per_block + ends)
    return positions * (config.depth * per_block + ends)
