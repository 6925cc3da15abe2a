namespace Matrix.Properties.Generators

open Matrix.Rules
open Matrix.Core.Event

/// A state: event ids by type and state key.
type StateMap = Map<string * string, string>

/// The events of a room that state resolution may read, and which of them were rejected.
type RoomGraph = {
    Version: RoomVersion
    Events: Map<string, Pdu>
    Rejected: Set<string>
}
