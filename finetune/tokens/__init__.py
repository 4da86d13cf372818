"""Examples as a network learns them: ids, which of them are learned, and how rows share a batch.

Knows: which token is learned, how rows are cut, packed, ordered, padded and handed to TRL.
Refuses to know: files of data, weights, devices, and the loop that learns.

    made = token_rows(examples, format, tokenizer, eos, max_tokens=…, learn_prompts=…)   tokens/rows.py
    found = blocks(made.rows, batching, max_tokens, seed, micro_batch=…)                 tokens/blocks.py
    dataset, collator = as_dataset(found), Collator(pad_id)                              tokens/dataset.py

TRL 1.16 takes them as they are (read in its SFTTrainer, held by a test): a `datasets.Dataset` with the
columns input_ids, labels and position_ids, and `data_collator=Collator(pad_id)`. What SFTConfig has to say
beside it stands in `AS_THEY_ARE` (tokens/dataset.py), so `SFTConfig(**AS_THEY_ARE, …)`:

- dataset_kwargs {"skip_prepare_dataset": True}: no tokenizing, no cutting, no end token added;
- remove_unused_columns False: TRL keeps only input_ids, labels and seq_lengths otherwise, and without
  position_ids packed rows see each other;
- packing False, padding_free False, max_length None: TRL refuses a collator of ours beside its own packing;
- train_sampling_strategy "sequential": "random" would break up the batches of like length. For another order
  in each epoch let `_get_train_sampler` return `EpochOrder`: Trainer tells it the epoch.

TRL's num_tokens counts one line only of a packed batch, so tokens/s are to be counted from the blocks.

The pad token may be the end token: it is only ever written where the labels are -100, and an end token that
is learned keeps its label. Packed batches hold no attention_mask; with one, or with use_cache, the rows of a
block see each other. TRL passes use_cache=False by itself; own loops and measuring must. sdpa and eager keep
packed rows apart in every line of a batch, transformers' FlashAttention only where a batch is a single line,
so give it micro_batch 1. RWKV has one state and no positions, so its rows must never be packed; padded on the
right, as here, each is what it is alone.
"""
