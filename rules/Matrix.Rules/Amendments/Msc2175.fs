/// MSC2175 (room version 11).
module Matrix.Rules.Msc2175

/// The creator is who sent the create event.
let creatorIsSender: Amendment = {
    Msc = "MSC2175"
    Title = "The creator is who sent the create event"
    Why = "The create event named its sender a second time in its content. Only the sender counts."
    Changes = [ Change.Setting(Setting.Creators Creators.Sender) ]
}
