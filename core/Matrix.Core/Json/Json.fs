namespace Matrix.Core.Json

/// A JSON value. Numbers are integers, except where an old room version tolerates others.
/// v1.19 appendices#canonical-json
[<RequireQualifiedAccess; CustomEquality; NoComparison>]
type Json =
    | Null
    | Bool of bool
    | Int of int64
    /// An integer beyond 64 bits, as written. An event's id depends on each of its digits. Only lenient reading and
    /// client input produce it.
    | BigInt of digits: string
    /// A float. Only lenient reading (room versions 1 to 5) and client input that never becomes an event produce it.
    | Float of double
    | String of string
    | Array of Json[]
    | Object of JsonObject

    override this.Equals other =
        match other with
        | :? Json as o ->
            match this, o with
            | Null, Null -> true
            | Bool a, Bool b -> a = b
            | Int a, Int b -> a = b
            | BigInt a, BigInt b -> System.String.Equals(a, b)
            | Float a, Float b -> a.Equals b
            | String a, String b -> System.String.Equals(a, b)
            | Array a, Array b -> a.Length = b.Length && Array.forall2 (fun (x: Json) y -> x.Equals y) a b
            | Object a, Object b -> a.Equals b
            | _ -> false
        | _ -> false

    override this.GetHashCode() =
        match this with
        | Null -> 1
        | Bool b -> if b then 2 else 3
        | Int n -> n.GetHashCode()
        | BigInt digits -> digits.GetHashCode(System.StringComparison.Ordinal)
        | Float d -> d.GetHashCode()
        | String s -> s.GetHashCode()
        | Array items -> items.Length + 17
        | Object o -> o.Count + 31

    /// A string, for C#.
    static member Of(value: string) : Json = String value

    /// An integer, for C#.
    static member Of(value: int64) : Json = Int value

    /// A boolean, for C#.
    static member Of(value: bool) : Json = Bool value

    /// An array, for C#.
    static member Of(items: Json[]) : Json = Array items

    /// An object, for C#.
    static member Of(members: JsonObject) : Json = Object members

/// An object whose members are sorted by the UTF-8 bytes of their keys (code point order), each key once. `keys` and
/// `values` are parallel. The constructor trusts its caller; `JsonObject.OfSeq` does not.
and [<Sealed>] JsonObject(keys: string[], values: Json[]) =

    static let empty = JsonObject([||], [||])

    /// Code point order, which is the order of UTF-8 bytes. Ordinal comparison of UTF-16 differs for astral characters.
    static member CompareKeys(a: string, b: string) : int =
        let n = min a.Length b.Length
        let mutable i = 0

        while i < n && a[i] = b[i] do
            i <- i + 1

        if i = n then
            compare a.Length b.Length
        else
            // Surrogates encode code points above all others, but are less than U+E000 to U+FFFF.
            let fix (c: char) =
                if System.Char.IsSurrogate c then int c + 0x10000 else int c

            compare (fix a[i]) (fix b[i])

    /// The object without members.
    static member Empty = empty

    /// Sorts the members. If a key is given twice, the last value wins.
    static member OfSeq(members: seq<struct (string * Json)>) : JsonObject =
        let given = Seq.toArray members
        let keys = given |> Array.map (fun (struct (k, _)) -> k)
        let mutable inOrder = 1

        while inOrder < keys.Length
              && JsonObject.CompareKeys(keys[inOrder - 1], keys[inOrder]) < 0 do
            inOrder <- inOrder + 1

        if inOrder >= keys.Length then
            JsonObject(keys, given |> Array.map (fun (struct (_, v)) -> v))
        else
            let byKey = System.Collections.Generic.Dictionary<string, Json> given.Length

            for struct (k, v) in given do
                byKey[k] <- v

            let keys = Seq.toArray byKey.Keys
            System.Array.Sort(keys, System.Comparison(fun a b -> JsonObject.CompareKeys(a, b)))
            JsonObject(keys, keys |> Array.map (fun k -> byKey[k]))

    /// The number of members.
    member _.Count = keys.Length

    /// The i-th key, in canonical order.
    member _.Key(i: int) = keys[i]

    /// The value of the i-th key.
    member _.Value(i: int) = values[i]

    /// The index of a key, or -1.
    member _.IndexOf(key: string) : int =
        // Most objects of an event have few members, for which a linear scan is faster.
        if keys.Length <= 8 then
            let mutable i = 0

            while i < keys.Length && not (System.String.Equals(keys[i], key)) do
                i <- i + 1

            if i = keys.Length then -1 else i
        else
            let mutable lo = 0
            let mutable hi = keys.Length - 1
            let mutable at = -1

            while at < 0 && lo <= hi do
                let mid = (lo + hi) >>> 1
                let c = JsonObject.CompareKeys(keys[mid], key)

                if c = 0 then at <- mid
                elif c < 0 then lo <- mid + 1
                else hi <- mid - 1

            at

    /// The value of a key; none if it is missing.
    member this.TryFind(key: string) : Json voption =
        let i = this.IndexOf key
        if i < 0 then ValueNone else ValueSome values[i]

    /// Whether the object has the key.
    member this.Has(key: string) = this.IndexOf key >= 0

    /// The object with this value for a key, which it may have or not.
    member this.With(key: string, value: Json) : JsonObject =
        match this.IndexOf key with
        | -1 ->
            let mutable place = 0

            while place < keys.Length && JsonObject.CompareKeys(keys[place], key) < 0 do
                place <- place + 1

            JsonObject(Array.insertAt place key keys, Array.insertAt place value values)
        | at -> JsonObject(keys, Array.updateAt at value values)

    /// The string at a key; null if it is missing or no string.
    member this.Text(key: string) : string | null =
        match this.TryFind key with
        | ValueSome(Json.String text) -> text
        | _ -> null

    /// The members, in canonical order.
    member _.Members: seq<struct (string * Json)> =
        Seq.map2 (fun k v -> struct (k, v)) keys values

    override _.Equals other =
        match other with
        | :? JsonObject as o ->
            o.Count = keys.Length
            && (let mutable same = true
                let mutable i = 0

                while same && i < keys.Length do
                    same <- System.String.Equals(keys[i], o.Key i) && values[i].Equals(o.Value i)
                    i <- i + 1

                same)
        | _ -> false

    override _.GetHashCode() = keys.Length + 31
