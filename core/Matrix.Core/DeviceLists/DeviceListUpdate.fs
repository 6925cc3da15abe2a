namespace Matrix.Core.DeviceLists

open System.Runtime.InteropServices
open Matrix.Core.Json

/// The bounds of what other servers tell about their users' devices.
[<Struct>]
type DeviceListLimits = {
    /// The most bytes of a device id and of a display name.
    NameBytes: int
    /// The most bytes of a key object, signatures included.
    KeyBytes: int
    /// The most previous updates that an update may name.
    Previous: int
}

/// Key objects of a user: checks of the form, which clients do not repeat. Signatures are checked by the clients.
[<AbstractClass; Sealed>]
type RemoteKeyObject private () =

    static let withinBytes (limits: DeviceListLimits) (keys: JsonObject) =
        (CanonicalJson.bytes (Json.Object keys)).Length <= limits.KeyBytes

    static let isText (value: Json) =
        match value with
        | Json.String _ -> true
        | _ -> false

    /// Whether a member is absent, or of the type that the specification gives it. Of what has another type, a client
    /// may refuse the whole response.
    static let mayHave (key: JsonObject) (name: string) (isOfType: Json -> bool) =
        match key.TryFind name with
        | ValueSome value -> isOfType value
        | ValueNone -> true

    static let isTexts (value: Json) =
        match value with
        | Json.Object texts -> texts.Members |> Seq.forall (fun (struct (_, text)) -> isText text)
        | _ -> false

    static let isSignatures (value: Json) =
        match value with
        | Json.Object ofUsers -> ofUsers.Members |> Seq.forall (fun (struct (_, texts)) -> isTexts texts)
        | _ -> false

    static let isTextList (value: Json) =
        match value with
        | Json.Array items -> Array.forall isText items
        | _ -> false

    static let isWellTyped (key: JsonObject) =
        mayHave key "keys" isTexts
        && mayHave key "signatures" isSignatures
        && mayHave key "algorithms" isTextList
        && mayHave key "usage" isTextList

    /// Whether a device id or display name is within the bounds.
    static member IsName(text: string, limits: DeviceListLimits) : bool =
        System.Text.Encoding.UTF8.GetByteCount text <= limits.NameBytes

    /// Whether these are the identity keys of this very device.
    static member IsOfDevice(keys: JsonObject, userId: string, deviceId: string, limits: DeviceListLimits) : bool =
        keys.Text "user_id" = userId
        && keys.Text "device_id" = deviceId
        && deviceId <> ""
        && RemoteKeyObject.IsName(deviceId, limits)
        && isWellTyped keys
        && withinBytes limits keys

    /// Whether this is a cross-signing key of the user with this usage: `master` or `self_signing`.
    static member IsSigningKey(key: JsonObject, userId: string, usage: string, limits: DeviceListLimits) : bool =
        let hasUsage =
            match key.TryFind "usage" with
            | ValueSome(Json.Array usages) -> usages |> Array.contains (Json.String usage)
            | _ -> false

        let hasOneKey =
            match key.TryFind "keys" with
            | ValueSome(Json.Object keys) -> keys.Count = 1
            | _ -> false

        key.Text "user_id" = userId
        && hasUsage
        && hasOneKey
        && isWellTyped key
        && withinBytes limits key

/// An `m.device_list_update` or an `m.signing_key_update`: what changed in a user's list.
/// v1.19 server-server-api#device-management, v1.19 server-server-api#end-to-end-encryption
[<Sealed>]
type DeviceListUpdate
    private
    (
        userId: string,
        streamId: int64,
        previous: int64[],
        deviceId: string,
        isDeleted: bool,
        displayName: string | null,
        keys: JsonObject | null,
        signingKeys: struct ((JsonObject | null) * (JsonObject | null)) voption
    ) =

    static let idsOf (limits: DeviceListLimits) (content: JsonObject) : int64[] voption =
        match content.TryFind "prev_id" with
        | ValueNone
        | ValueSome Json.Null -> ValueSome [||]
        | ValueSome(Json.Array items) when items.Length <= limits.Previous ->
            let ids =
                items
                |> Array.choose (function
                    | Json.Int id -> Some id
                    | _ -> None)

            if ids.Length = items.Length then
                ValueSome ids
            else
                ValueNone
        | _ -> ValueNone

    /// An update of one device. `keys` is null for a device without keys.
    static member OfDevice
        (
            userId: string,
            streamId: int64,
            previous: int64[],
            deviceId: string,
            isDeleted: bool,
            displayName: string | null,
            keys: JsonObject | null
        ) : DeviceListUpdate =
        DeviceListUpdate(userId, streamId, previous, deviceId, isDeleted, displayName, keys, ValueNone)

    /// An update of cross-signing keys; null for a key that the update does not have.
    static member OfSigningKeys
        (userId: string, master: JsonObject | null, selfSigning: JsonObject | null)
        : DeviceListUpdate =
        DeviceListUpdate(userId, 0L, [||], "", false, null, null, ValueSome(struct (master, selfSigning)))

    /// Reads the content of an `m.device_list_update`. False if it is malformed or exceeds a bound.
    static member TryReadDevice
        (content: JsonObject, limits: DeviceListLimits, [<Out>] update: byref<DeviceListUpdate>)
        : bool =
        match content.Text "user_id", content.Text "device_id", content.TryFind "stream_id", idsOf limits content with
        | NonNull userId, NonNull deviceId, ValueSome(Json.Int streamId), ValueSome previous when
            deviceId <> "" && RemoteKeyObject.IsName(deviceId, limits)
            ->
            let isDeleted = content.TryFind "deleted" = ValueSome(Json.Bool true)

            let displayName: string | null =
                match content.Text "device_display_name" with
                | NonNull name when RemoteKeyObject.IsName(name, limits) -> name
                | _ -> null

            let make (keys: JsonObject | null) =
                DeviceListUpdate.OfDevice(userId, streamId, previous, deviceId, isDeleted, displayName, keys)

            match content.TryFind "keys" with
            | ValueSome(Json.Object keys) when not isDeleted ->
                update <- make keys
                RemoteKeyObject.IsOfDevice(keys, userId, deviceId, limits)
            | _ ->
                update <- make null
                true
        | _ -> false

    /// Reads the content of an `m.signing_key_update`. A user-signing key is not read: no other user may see it. False
    /// if it is malformed or exceeds a bound.
    static member TryReadSigningKeys
        (content: JsonObject, limits: DeviceListLimits, [<Out>] update: byref<DeviceListUpdate>)
        : bool =
        match content.Text "user_id" with
        | null -> false
        | userId ->
            let keyOf (name: string) : JsonObject | null =
                match content.TryFind name with
                | ValueSome(Json.Object key) -> key
                | _ -> null

            let master, selfSigning = keyOf "master_key", keyOf "self_signing_key"
            update <- DeviceListUpdate.OfSigningKeys(userId, master, selfSigning)

            let isValid (usage: string) (key: JsonObject | null) =
                match key with
                | null -> true
                | key -> RemoteKeyObject.IsSigningKey(key, userId, usage, limits)

            isValid "master" master && isValid "self_signing" selfSigning

    /// The owner of the list.
    member _.UserId = userId

    /// Whether cross-signing keys changed, and no device. Such an update has no id and no predecessors.
    member _.IsOfSigningKeys = signingKeys.IsSome

    /// Identifies the update among those of its user.
    member _.StreamId = streamId

    /// The updates that this one follows directly.
    member _.Previous = previous

    /// The device that changed.
    member _.DeviceId = deviceId

    /// Whether the device was deleted.
    member _.IsDeleted = isDeleted

    /// The device's name; null if it has none.
    member _.DisplayName = displayName

    /// The device's identity keys; null if it has none.
    member _.Keys = keys

    /// The new master key; null if it did not change.
    member _.MasterKey =
        match signingKeys with
        | ValueSome(struct (master, _)) -> master
        | ValueNone -> null

    /// The new self-signing key; null if it did not change.
    member _.SelfSigningKey =
        match signingKeys with
        | ValueSome(struct (_, selfSigning)) -> selfSigning
        | ValueNone -> null
