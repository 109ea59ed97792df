"""Archives: bytes compressed by what a model and the data itself predict, decoded anywhere.

``codecs`` below compresses bits without a model into frames that models read and write; here a
trained model, made exact by integers, predicts each bit beside models that learn from the data
as it goes by, and a range coder turns the predictions into bytes. ``engine`` is the trained
model, ``mixing`` are the learning models and the coder, and the modules of this folder are the
files that come of it.
"""
