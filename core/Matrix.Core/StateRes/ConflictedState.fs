namespace Matrix.Core.StateRes

open System.Collections.Generic

/// Some of the states to resolve, a bit for each. Up to 64 need one word.
[<Struct; CustomEquality; NoComparison>]
type internal StateBits = {
    Low: uint64
    /// The further words; those that are left out are 0.
    High: uint64[]
} with

    static member None: StateBits = { Low = 0UL; High = [||] }

    static member Single(index: int) : StateBits =
        if index < 64 then
            { Low = 1UL <<< index; High = [||] }
        else
            let high = Array.zeroCreate (index / 64)
            high[index / 64 - 1] <- 1UL <<< (index % 64)
            { Low = 0UL; High = high }

    /// The first `count` states.
    static member First(count: int) : StateBits =
        let word n =
            let left = count - 64 * n

            if left >= 64 then
                System.UInt64.MaxValue
            else
                (1UL <<< left) - 1UL

        {
            Low = word 0
            High = [|
                for n in 1 .. (count - 1) / 64 do
                    word n
            |]
        }

    member this.IsEmpty = this.Low = 0UL && Array.forall (fun word -> word = 0UL) this.High

    member this.With(other: StateBits) : StateBits =
        let low = this.Low ||| other.Low

        if this.High.Length = 0 && other.High.Length = 0 then
            { Low = low; High = this.High }
        else
            let longer, shorter =
                if this.High.Length >= other.High.Length then
                    this.High, other.High
                else
                    other.High, this.High

            {
                Low = low
                High =
                    longer
                    |> Array.mapi (fun i word -> if i < shorter.Length then word ||| shorter[i] else word)
            }

    member this.Is(other: StateBits) : bool =
        let mutable same = this.Low = other.Low

        for i in 0 .. max this.High.Length other.High.Length - 1 do
            let word (words: uint64[]) =
                if i < words.Length then words[i] else 0UL

            same <- same && word this.High = word other.High

        same

    override this.Equals other =
        match other with
        | :? StateBits as o -> this.Is o
        | _ -> false

    override this.GetHashCode() = this.Low.GetHashCode()

/// The conflicted events of the states. v1.19 rooms/v12#definitions
[<RequireQualifiedAccess>]
module internal ConflictedState =

    /// The events that some state lacks: for each event, a bit for each state that has it.
    let set (graph: AuthGraph) (states: StatesToResolve) : Dictionary<int, StateBits> =
        let set = Dictionary<int, StateBits>()

        for entry in states.Conflicted do
            for i in 0 .. entry.Events.Length - 1 do
                match entry.Events[i] with
                | null -> ()
                | id ->
                    let n = graph.Load(id, ResolutionError.EventMissing)

                    if n >= 0 then
                        let bits =
                            match set.TryGetValue n with
                            | true, bits -> bits
                            | _ -> StateBits.None

                        set[n] <- bits.With(StateBits.Single i)

        set
