# Sourced: a driver of virtio-win's form; what is in the program does not matter.

# driver FOLDER ARCHITECTURE NAME CLASS GUID ID ID
driver() {
  local folder=$1 architecture=$2 name=$3 class=$4 guid=$5
  mkdir -p "$folder"
  cat >"$folder/$name.inf" <<INF
[Version]
Signature="\$WINDOWS NT\$"
Class=$class
ClassGuid={$guid}
Provider="Red Hat, Inc."
DriverVer=01/01/2025,100.95.104.26200
CatalogFile=$name.cat
[DestinationDirs]
DefaultDestDir=12
[SourceDisksNames]
1="disk"
[SourceDisksFiles]
$name.sys=1
[Manufacturer]
"Red Hat, Inc."=Models,NT$architecture
[Models.NT$architecture]
"$name device"=Install,PCI\\VEN_1AF4&DEV_$6
"$name device"=Install,PCI\\VEN_1AF4&DEV_$7
[Install]
CopyFiles=Files
[Files]
$name.sys
[Install.Services]
AddService=$name,2,Service
[Service]
ServiceType=1
StartType=0
ErrorControl=1
ServiceBinary=%12%\\$name.sys
INF
  echo catalog >"$folder/$name.cat"
  head -c 60000 /dev/urandom >"$folder/$name.sys"
}
