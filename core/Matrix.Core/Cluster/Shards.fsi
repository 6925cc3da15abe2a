namespace Matrix.Core.Cluster

/// The kinds of authority that a server has in memory. Their numbers are hashed, and never change.
type AuthorityKind =
    /// A room, by its id.
    | Room = 1uy
    /// A user, by the user id.
    | User = 2uy
    /// Another server, by its name.
    | Server = 3uy
    /// An application service, by the `id` of its registration.
    | AppService = 4uy
    /// A background duty, by its name.
    | Duty = 5uy
    /// An id that was made for later requests, such as a session of user-interactive authentication.
    | MintedId = 6uy

/// The shards of a database. A shard is what one node of a cluster owns: whoever decides for a room, a user or another
/// authority is the owner of its shard.
///
/// The shard of an authority is the same on every machine and in every version, because the owners of shards are
/// stored. It is computed as follows:
///
/// 1. FNV-1a of 64 bits (offset basis CBF29CE484222325, prime 100000001B3, both hexadecimal) of one octet, the number
///    of the kind, and of the UTF-8 of the name as it is: without folding of case or normalization, and with U+FFFD for
///    a lone surrogate.
/// 2. The output function of SplitMix64: h ^= h >> 30; h *= BF58476D1CE4E5B9; h ^= h >> 27; h *= 94D049BB133111EB;
///    h ^= h >> 31; all modulo 2^64.
/// 3. The remainder by 512.
///
/// | kind | name | shard |
/// |---|---|---|
/// | Room | `!room:example.org` | 171 |
/// | Room | `@alice:example.org` | 212 |
/// | User | `@alice:example.org` | 40 |
/// | User | `@zoë:example.org` | 187 |
/// | Server | `example.org` | 498 |
/// | AppService | `irc` | 2 |
/// | Duty | `media.retention` | 154 |
/// | MintedId | `kZ3qR7` | 167 |
[<AbstractClass; Sealed>]
type Shards =
    /// The number of shards of every database: 512. They are numbered from 0.
    static member Count: int

    /// The shard of an authority. Allocates nothing.
    static member Of: kind: AuthorityKind * name: string -> int

    /// The shard of a room.
    static member OfRoom: roomId: string -> int

    /// The shard of a user, local or not.
    static member OfUser: userId: string -> int

    /// The shard of another server.
    static member OfServer: serverName: string -> int

    /// The shard of an application service.
    static member OfAppService: id: string -> int

    /// The shard of a background duty.
    static member OfDuty: name: string -> int

    /// The shard of an id that was made for later requests. A node that makes one draws until the shard is its own.
    static member OfMintedId: id: string -> int
