namespace Matrix.Core.State

open System.Collections.Generic
open Matrix.Core.Event

/// Frequent event types. In stored blobs each is one byte, and in memory all entries share its string. A code is part
/// of the stored format: add at the end, never remove or reorder.
module internal WellKnownTypes =

    /// Code 0 means that the type is written as a string.
    let private byCode: string[] = [|
        ""
        EventTypes.Create
        EventTypes.Member
        EventTypes.PowerLevels
        EventTypes.JoinRules
        EventTypes.HistoryVisibility
        EventTypes.GuestAccess
        EventTypes.Name
        EventTypes.Topic
        EventTypes.Avatar
        EventTypes.CanonicalAlias
        EventTypes.Aliases
        EventTypes.Encryption
        EventTypes.PinnedEvents
        EventTypes.ServerAcl
        EventTypes.ThirdPartyInvite
        EventTypes.Tombstone
        EventTypes.SpaceChild
        EventTypes.SpaceParent
        EventTypes.Policy
        EventTypes.PolicyRuleUser
        EventTypes.PolicyRuleRoom
        EventTypes.PolicyRuleServer
        "im.vector.modular.widgets"
        "m.call.member"
        "org.matrix.msc3401.call.member"
        "m.room.bridging"
        "m.bridge"
        "uk.half-shot.bridge"
    |]

    let private codes =
        let table = Dictionary<string, int>()

        for i in 1 .. byCode.Length - 1 do
            table[byCode[i]] <- i

        table

    /// The code of a type; 0 if it has none.
    let code (eventType: string) : int =
        match codes.TryGetValue eventType with
        | true, i -> i
        | _ -> 0

    /// The type of a code from 1; null if there is no such code.
    let ofCode (code: int) : string | null =
        if code >= 1 && code < byCode.Length then
            byCode[code]
        else
            null

    /// The shared string of a well-known type, or the given one.
    let share (eventType: string) : string =
        match codes.TryGetValue eventType with
        | true, i -> byCode[i]
        | _ -> eventType
