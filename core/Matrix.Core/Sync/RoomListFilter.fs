namespace Matrix.Core.Sync

open System
open System.Collections.Generic
open System.Security.Cryptography
open System.Text
open Matrix.Core.Json

[<Sealed>]
type FilteredRoom
    (
        isDirect: bool,
        isInvited: bool,
        isEncrypted: Nullable<bool>,
        knowsType: bool,
        roomType: string | null,
        tags: IReadOnlyCollection<string>
    ) =
    member internal _.IsDirect = isDirect
    member internal _.IsInvited = isInvited
    member internal _.IsEncrypted = isEncrypted
    member internal _.KnowsType = knowsType
    member internal _.RoomType = roomType
    member internal _.Tags = tags

[<Sealed>]
type RoomListFilter private (reader: FilterReader) =

    // An empty text stands for rooms without a type, which no room can have as its type.
    let roomTypes = reader.TextsOrNulls "room_types"
    let notRoomTypes = reader.TextsOrNulls "not_room_types"
    let isDirect = reader.MaybeBool "is_dm"
    let isEncrypted = reader.MaybeBool "is_encrypted"

    // MSC3575 called it `is_invite`.
    let isInvited =
        match reader.MaybeBool "is_invited" with
        | ValueNone -> reader.MaybeBool "is_invite"
        | given -> given

    let spaces = reader.Texts "spaces"
    let tags = reader.Texts "tags"
    let notTags = reader.Texts "not_tags"

    // Other members would make equal filters of which each has a list of its own in memory.
    let known =
        let given name =
            match reader.Value name with
            | ValueSome value -> [ struct (name, value) ]
            | ValueNone -> []

        let ofInvites =
            match given "is_invited" with
            | [] -> given "is_invite"
            | found -> found

        JsonObject.OfSeq [
            for name in
                [
                    "room_types"
                    "not_room_types"
                    "is_dm"
                    "is_encrypted"
                    "spaces"
                    "tags"
                    "not_tags"
                ] do
                yield! given name
            yield! ofInvites
        ]
        |> Json.Object
        |> CanonicalJson.text
        |> Encoding.UTF8.GetBytes

    let size = known.Length
    let hash = Convert.ToHexString(SHA256.HashData known)

    let isOn (names: string[]) (name: string) = Array.contains name names

    let typeAdmits (room: FilteredRoom) =
        match roomTypes, notRoomTypes with
        | null, null -> true
        | _ when not room.KnowsType -> false
        | only, not ->
            let roomType =
                match room.RoomType with
                | null -> ""
                | t -> t

            (match not with
             | null -> true
             | types -> isOn types roomType |> Operators.not)
            && (match only with
                | null -> true
                | types -> isOn types roomType)

    let tagsAdmit (room: FilteredRoom) =
        (match notTags with
         | null -> true
         | names -> not (room.Tags |> Seq.exists (isOn names)))
        && (match tags with
            | null -> true
            | names -> room.Tags |> Seq.exists (isOn names))

    static let everything = RoomListFilter(FilterReader(JsonObject.Empty, "", FilterFaults()))

    static member Everything = everything

    member _.Admits(room: FilteredRoom) : bool =
        (isDirect.IsNone || isDirect.Value = room.IsDirect)
        && (isInvited.IsNone || isInvited.Value = room.IsInvited)
        && (isEncrypted.IsNone
            || (room.IsEncrypted.HasValue && room.IsEncrypted.Value = isEncrypted.Value))
        && typeAdmits room
        && tagsAdmit room

    member _.Spaces: IReadOnlyCollection<string> | null =
        match spaces with
        | null -> null
        | names -> names

    member _.LooksAtState =
        isEncrypted.IsSome || not (isNull roomTypes) || not (isNull notRoomTypes)

    member _.Hash = hash

    member _.Size = size

    static member MaxSize = 64 * 1024

    static member internal Read(reader: FilterReader, faults: FilterFaults) : RoomListFilter =
        if reader.IsEmpty then
            everything
        else
            let filter = RoomListFilter(reader)

            if filter.Size > RoomListFilter.MaxSize then
                faults.Note(reader.Path, $"at most {RoomListFilter.MaxSize} bytes")

            filter
