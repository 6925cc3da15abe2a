namespace Matrix.Core.Presence

open System.Runtime.InteropServices
open System.Text
open Matrix.Core.Json

/// A user's presence as another server tells it, or as this one tells others: an item of `push` in an `m.presence`.
/// v1.19 server-server-api#presence
[<Sealed>]
type PresenceUpdate
    private
    (userId: string, state: PresenceState, statusMessage: string | null, lastActiveAgo: int64, isCurrentlyActive: bool)
    =

    static let text (name: string) (update: JsonObject) : string | null =
        match update.TryFind name with
        | ValueSome(Json.String text) -> text
        | _ -> null

    /// Reads an item of `push`; other members are ignored. False if the user or the state is missing. What else is
    /// malformed, or a status of too many bytes, is left out.
    static member TryRead
        (item: JsonObject, longestAgo: int64, statusBytes: int, [<Out>] update: byref<PresenceUpdate | null>)
        : bool =
        let mutable state = PresenceState.Offline

        match text "user_id" item, text "presence" item with
        | null, _
        | _, null -> false
        | userId, presence ->
            if not (PresenceStates.TryParse(presence, &state)) then
                false
            else
                let status =
                    match text "status_msg" item with
                    | null -> null
                    | status when status <> "" && Encoding.UTF8.GetByteCount status <= statusBytes -> status
                    | _ -> null

                let ago =
                    match item.TryFind "last_active_ago" with
                    | ValueSome(Json.Int ago) -> ago |> max 0L |> min longestAgo
                    | _ -> longestAgo

                let isActive =
                    match item.TryFind "currently_active" with
                    | ValueSome(Json.Bool isActive) -> isActive && state = PresenceState.Online
                    | _ -> false

                update <- PresenceUpdate(userId, state, status, ago, isActive)
                true

    /// The user.
    member _.UserId = userId

    /// The state.
    member _.State = state

    /// The user's message; null for none.
    member _.StatusMessage: string | null = statusMessage

    /// Milliseconds since the last activity, between 0 and the longest that is read.
    member _.LastActiveAgo = lastActiveAgo

    /// Whether the user is online and was active recently.
    member _.IsCurrentlyActive = isCurrentlyActive

    /// The same update some milliseconds after it was read: the last activity is that much longer ago.
    member _.After(elapsed: int64, longestAgo: int64) =
        PresenceUpdate(
            userId,
            state,
            statusMessage,
            lastActiveAgo + max 0L elapsed |> min longestAgo,
            isCurrentlyActive
        )
