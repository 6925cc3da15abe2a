namespace Matrix.Properties.Vectors

open Matrix.Core.Json

/// Ed25519, which the pure half does not have: whoever runs vectors brings it.
type Ed25519 = {
    /// The signature of a message by the key pair of a seed of 32 bytes.
    Sign: byte[] -> byte[] -> byte[]
    /// Whether a public key, a message and a signature belong together.
    Verify: byte[] -> byte[] -> byte[] -> bool
}

/// One question and its answer, as `tests/vectors/FORMAT.md` describes them.
type Vector = {
    /// Reads as a statement.
    Name: string
    /// Where the file has it, such as `cases[3]`.
    Place: string
    /// The room version that it is about; "" if it is about none.
    Version: string
    /// What an evaluator is asked, complete in itself.
    Question: JsonObject
    /// The members that its answer must have.
    Expected: JsonObject
    /// Where the specification leaves the answer to implementations: where that is said. "" where it does not.
    Optional: string
}

/// A kind of vectors: how its files are read, and how this implementation answers.
type internal Kind = {
    /// As files and questions name it.
    Name: string
    /// Members of an answer that other implementations may leave out: names that are ours.
    Ours: string list
    /// The questions of one case. `file`: the whole file, for what its cases share.
    Read: Placed<JsonObject> -> Placed<JsonObject> -> Result<(string * JsonObject * JsonObject) list, VectorFault>
    /// Answers a question.
    Answer: Ed25519 -> Placed<JsonObject> -> Result<JsonObject, VectorFault>
}
