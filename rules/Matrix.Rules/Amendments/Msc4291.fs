/// MSC4291 (room version 12).
module Matrix.Rules.Msc4291

/// A room is named by its create event.
let roomIdIsCreateHash: Amendment = {
    Msc = "MSC4291"
    Title = "A room is named by its create event"
    Why =
        "A server could create a room under the name of another. The room id is the hash of the create event, which therefore has none itself and is no longer cited by other events."
    Changes = [ Change.Setting(Setting.RoomIds RoomIdForm.HashOfCreate) ]
}
