/// MSC2076 (room version 5). v1.19 rooms/v5#signing-key-validity-period
module Matrix.Rules.Msc2076

/// Keys must have been valid.
let keyValidity: Amendment = {
    Msc = "MSC2076"
    Title = "Keys must have been valid"
    Why =
        "A stolen key could sign events for ever. A signature counts only if the key was valid at the time that the \
         event states."
    Touches = [ "setting/key-validity" ]
    Changes = [ Change.Setting(Setting.KeyValidity KeyValidity.Enforced) ]
}
