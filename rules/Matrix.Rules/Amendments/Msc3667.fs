/// MSC3667 (room version 10).
module Matrix.Rules.Msc3667

/// Power levels are integers.
let integerPowerLevels: Amendment = {
    Msc = "MSC3667"
    Title = "Power levels are integers"
    Why =
        "Levels written as strings were read differently by different servers. Every level must be an integer, wherever the power levels event has one."
    Changes = [ Change.Setting(Setting.PowerLevelValues PowerLevelValues.Integers) ]
}
