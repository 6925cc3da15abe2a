namespace Matrix.Properties.Claims

open Matrix.Rules
open Matrix.Properties.Claims
open Matrix.Properties.SmallWorlds

/// A case as claims read it, with a verdict. The case may change between two turns. Not for several threads.
[<Sealed>]
type ClaimCase =
    new: case: ICase -> ClaimCase
    /// Forgets what was read of the case before.
    member Turn: unit -> unit
    /// The verdict that statements are about.
    member Allowed: bool with get, set

/// The literal evaluator of statements. It has its own reading of events, users, servers, memberships and conditions,
/// and shares it neither with the core nor with the literal reference. What depends on the version is chosen by its
/// number.
[<RequireQualifiedAccess>]
module Evaluation =

    /// Compiles a statement for a version's cases, once.
    val compile: version: RoomVersion -> statement: Statement -> (ClaimCase -> bool)
