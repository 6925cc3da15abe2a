namespace Matrix.Properties.Vectors

open System
open Matrix.Core.Json
open Matrix.Properties.Generators

/// A vector file.
type VectorFile = {
    /// What its vectors show, and their source.
    About: string
    Kind: string
    Vectors: Vector list
}

/// A member of an answer that differs from the vector's.
type Difference = {
    Member: string
    Expected: Json
    /// None if the answer lacks it.
    Found: Json voption
} with

    /// The member, the expected value and the value found, in one line.
    override ToString: unit -> string

/// Test vectors in the form of `tests/vectors/FORMAT.md`: reading files, answering questions, comparing answers.
[<RequireQualifiedAccess>]
module Vectors =

    /// All kinds.
    val kinds: string list

    /// Reads a file.
    val read: utf8: ReadOnlySpan<byte> -> Result<VectorFile, VectorFault>

    /// This implementation's answer to a question of a kind.
    val answer: ed25519: Ed25519 -> kind: string -> question: JsonObject -> Result<JsonObject, VectorFault>

    /// The differences between an answer and the vector. Members that contain this implementation's own names (clauses,
    /// faults) may be missing from an answer; with `byName`, that counts as a difference.
    val differences: kind: string -> byName: bool -> vector: Vector -> answer: JsonObject -> Difference list

    /// A vector of the kind `authorization` in the form that the evaluators take.
    val authCase: vector: Vector -> Result<AuthCase, VectorFault>

    /// A vector of the kind `redaction-handling` in the form that the evaluators take.
    val redactionCase: vector: Vector -> Result<RedactionCase, VectorFault>

    /// A vector of the kind `state-resolution`: the room, and the states to resolve.
    val resolutionCase: vector: Vector -> Result<RoomGraph * StateMap list, VectorFault>

    /// A resolved state as the answer to a vector of the kind `state-resolution`.
    val ofResolved: resolved: StateMap -> JsonObject

    /// The answer of these steps to a question of the kind `pdu`.
    val answerPduBy: steps: PduSteps -> ed25519: Ed25519 -> question: JsonObject -> Result<JsonObject, VectorFault>

    /// A decision as the answer to a vector of the kind `authorization` or `redaction-handling`.
    val ofDecision: decision: Matrix.Core.Auth.Decision -> JsonObject
