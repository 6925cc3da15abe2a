namespace Matrix.Core.Cluster

type AuthorityKind =
    | Room = 1uy
    | User = 2uy
    | Server = 3uy
    | AppService = 4uy
    | Duty = 5uy
    | MintedId = 6uy

[<AbstractClass; Sealed>]
type Shards =
    static member Count: int = 512

    static member Of(kind: AuthorityKind, name: string) : int =
        int (StableHash.mix (StableHash.ofName (byte kind) name) % uint64 Shards.Count)

    static member OfRoom(roomId: string) : int = Shards.Of(AuthorityKind.Room, roomId)
    static member OfUser(userId: string) : int = Shards.Of(AuthorityKind.User, userId)

    static member OfServer(serverName: string) : int =
        Shards.Of(AuthorityKind.Server, serverName)

    static member OfAppService(id: string) : int = Shards.Of(AuthorityKind.AppService, id)
    static member OfDuty(name: string) : int = Shards.Of(AuthorityKind.Duty, name)
    static member OfMintedId(id: string) : int = Shards.Of(AuthorityKind.MintedId, id)
