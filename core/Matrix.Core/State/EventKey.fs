namespace Matrix.Core.State

open System

/// What the tree keeps of an event's identifier: the 32 bytes of a reference hash (URL-safe form, room version 4 and
/// later) stand in place, at a third of their text's memory; any other form is kept as text.
[<Struct; CustomEquality; NoComparison>]
type internal EventKey = {
    A: uint64
    B: uint64
    C: uint64
    D: uint64
    /// Null for the hash form.
    Text: string | null
} with

    /// Without boxing, for the tree's comparisons.
    member this.Same(other: EventKey) =
        this.A = other.A
        && this.B = other.B
        && this.C = other.C
        && this.D = other.D
        && String.Equals(this.Text, other.Text)

    override this.Equals other =
        match other with
        | :? EventKey as o -> this.Same o
        | _ -> false

    override this.GetHashCode() =
        match this.Text with
        | null -> this.A.GetHashCode()
        | text -> text.GetHashCode()

module internal EventKey =

    let private alphabet =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

    let private sextets =
        let table = Array.create 128 -1
        alphabet |> Seq.iteri (fun i c -> table[int c] <- i)
        table

    let private sextet (c: char) =
        if int c < 128 then sextets[int c] else -1

    let private ofText (text: string) = {
        A = 0UL
        B = 0UL
        C = 0UL
        D = 0UL
        Text = text
    }

    /// The key of any identifier. Two identifiers have equal keys only if they are the same text.
    let ofId (eventId: string) : EventKey =
        if eventId.Length <> 44 || eventId[0] <> '$' then
            ofText eventId
        else
            // 43 characters of 6 bits: four words of 64 and 2 bits over, which must be zero or the text would not come back.
            let words = Array.zeroCreate<uint64> 4
            let mutable bit = 0
            let mutable ok = true
            let mutable i = 1

            while ok && i < 44 do
                let v = sextet eventId[i]

                if v < 0 then
                    ok <- false
                else
                    let word = bit >>> 6
                    let room = 64 - (bit &&& 63)

                    if room >= 6 then
                        words[word] <- words[word] ||| (uint64 v <<< (room - 6))
                    else
                        words[word] <- words[word] ||| (uint64 v >>> (6 - room))

                        if word < 3 then
                            words[word + 1] <- uint64 v <<< (58 + room)
                        elif v &&& 3 <> 0 then
                            ok <- false

                    bit <- bit + 6
                    i <- i + 1

            if ok then
                {
                    A = words[0]
                    B = words[1]
                    C = words[2]
                    D = words[3]
                    Text = null
                }
            else
                ofText eventId

    /// The identifier that `ofId` was given.
    let toId (key: EventKey) : string =
        match key.Text with
        | null ->
            String.Create(
                44,
                key,
                fun span k ->
                    span[0] <- '$'

                    for i in 0..42 do
                        let bit = i * 6
                        let word = bit >>> 6
                        let room = 64 - (bit &&& 63)

                        let at n =
                            match n with
                            | 0 -> k.A
                            | 1 -> k.B
                            | 2 -> k.C
                            | 3 -> k.D
                            | _ -> 0UL

                        let v =
                            if room >= 6 then
                                at word >>> (room - 6)
                            else
                                (at word <<< (6 - room)) ||| (at (word + 1) >>> (58 + room))

                        span[i + 1] <- alphabet[int (v &&& 63UL)]
            )
        | text -> text
