namespace Matrix.Properties.Vectors

open Matrix.Core.Json

/// Ed25519. The pure half does not have it, so the caller supplies it.
type Ed25519 = {
    /// The public key of a seed of 32 bytes.
    PublicKey: byte[] -> byte[]
    /// The signature of a message by the key pair of a seed of 32 bytes.
    Sign: byte[] -> byte[] -> byte[]
    /// Whether a signature of a message is valid under a public key.
    Verify: byte[] -> byte[] -> byte[] -> bool
}

/// One question and its answer, as `tests/vectors/FORMAT.md` describes them.
type Vector = {
    /// Reads as a statement.
    Name: string
    /// Its position in the file, such as `cases[3]`.
    Place: string
    /// The room version that it is about; "" for none.
    Version: string
    /// The question, complete in itself.
    Question: JsonObject
    /// The members that its answer must have.
    Expected: JsonObject
    /// If the specification leaves the answer to implementations, the place where it does; otherwise "".
    Optional: string
}

/// A kind of vectors: how its files are read, and this implementation's answers.
type internal Kind = {
    /// Its name in files and questions.
    Name: string
    /// Members of an answer that other implementations may leave out: names that only this implementation has.
    Ours: string list
    /// The questions of one case. `file` is the whole file, for the parts that its cases share.
    Read: Placed<JsonObject> -> Placed<JsonObject> -> Result<(string * JsonObject * JsonObject) list, VectorFault>
    /// Answers a question.
    Answer: Ed25519 -> Placed<JsonObject> -> Result<JsonObject, VectorFault>
}
