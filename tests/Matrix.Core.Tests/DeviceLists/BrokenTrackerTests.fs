/// The properties of device lists fail for trackers with a defect.
module Matrix.Core.Tests.DeviceLists.BrokenTrackerTests

open Expecto
open Matrix.Testing
open Matrix.Core.DeviceLists
open Matrix.Properties
open Matrix.Properties.Properties

let private withPrevious (previous: int64[]) (update: DeviceListUpdate) =
    DeviceListUpdate.OfDevice(
        update.UserId,
        update.StreamId,
        previous,
        update.DeviceId,
        update.IsDeleted,
        update.DisplayName,
        update.Keys
    )

let private received (list: TrackedList) (update: DeviceListUpdate) (now: int64) = list.Received(update, now)

/// What is wrong, the tracker, and a property that notices it.
let private defects: (string * ReceiveUpdate * string) list = [
    "the chain is not checked",
    (fun list update now -> received list (withPrevious [| System.Int64.MinValue |] update) now),
    "device-lists.converge"
    "updates that come while the list is fetched are lost",
    (fun list update now ->
        // `Fetching` changes nothing while the list is fetched.
        if list.IsFetching then
            list.Fetching()
        else
            received list update now),
    "device-lists.current"
    "every update leads to a request",
    (fun list update now -> received list (withPrevious [||] update) now),
    "device-lists.announced-once"
]

let tests =
    testList "DeviceLists.BrokenTrackerTests" [
        testList "A defect is noticed" [
            for name, receive, property in defects do
                test name {
                    let fault =
                        DeviceListProperties.ofReceiving receive
                        |> List.find (fun p -> p.Name = property)
                        |> Checking.run 2000 20261122UL
                        |> _.Fault

                    Expect.notEqual fault None "fault"
                }
        ]
    ]
